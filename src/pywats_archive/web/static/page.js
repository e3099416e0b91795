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
