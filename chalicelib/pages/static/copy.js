"use strict";
// Puts a button beside everything marked data-copy. Without this script it can be selected and copied by hand.
for (const source of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = source.dataset.copy;
  if (source.id) button.setAttribute("aria-describedby", source.id + "-label");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = source.dataset.copied;
    document.getElementById("copy-status").textContent = source.dataset.copied;
  });
  (source.closest("pre") ?? source).after(button);
}
