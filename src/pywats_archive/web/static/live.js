"use strict";
// Shows the progress of a run while it goes on. Without this file, the link "Reload" shows it.
const live = document.querySelector("[data-live]");
if (live && window.EventSource) {
  let source = null;
  const show = (event) => {
    const now = JSON.parse(event.data);
    if (!now.activity) { source.close(); location.reload(); return; }
    live.querySelector("[data-count]").textContent = now.done + now.skipped;
    live.querySelector("progress").value = now.done + now.skipped;
  };
  const listen = () => {
    source = new EventSource(live.dataset.live);
    source.onmessage = show;
  };
  // A browser has few connections to a host: a hidden page leaves its own to others.
  document.addEventListener("visibilitychange", () => { source.close(); if (!document.hidden) listen(); });
  listen();
}
