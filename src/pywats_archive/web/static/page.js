"use strict";
// Everything works without this file. Choosing a value of a filter applies it at once.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.filter");
  if (form && event.target.tagName === "SELECT") form.requestSubmit ? form.requestSubmit() : form.submit();
});
// Empty fields stay out of the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.filter")) return;
  for (const field of event.target.elements) if (!field.value) field.disabled = true;
});
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form.filter :disabled")) field.disabled = false;
});
// A part that is at work is fetched again every second; without its mark, the whole page is shown as it is then.
async function follow() {
  const part = document.querySelector("[data-refresh]");
  if (!part) return;
  if (!document.hidden) {
    try {
      const answer = await fetch(part.dataset.refresh);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const same = fresh.getElementById(part.id);
      if (!same || !same.dataset.refresh) return location.reload();
      part.replaceWith(document.adoptNode(same));
    } catch { /* the server is away: tried again */ }
  }
  setTimeout(follow, 1000);
}
setTimeout(follow, 1000);
