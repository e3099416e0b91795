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
// The bar of actions says how many rows are ticked, and one box in the head ticks them all.
const bulk = document.getElementById("chosen");
if (bulk) {
  const boxes = [...document.querySelectorAll("input[name=id]")];
  const head = document.createElement("input");
  head.type = "checkbox";
  head.setAttribute("aria-label", "Choose all rows of this page");
  document.querySelector("th.choose").append(head);
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    head.checked = ticked === boxes.length;
    head.indeterminate = ticked > 0 && !head.checked;
    bulk.classList.toggle("active", ticked > 0 || bulk.elements.all.checked);
    bulk.querySelector("[data-ticked]").textContent = ticked ? `With the ${ticked} ticked:` : "With the ticked rows:";
  };
  head.addEventListener("change", () => { for (const box of boxes) box.checked = head.checked; count(); });
  document.addEventListener("change", count);
  window.addEventListener("pageshow", count);
}
