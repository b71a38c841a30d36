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
    const said = document.getElementById("copy-status");
    said.textContent = "";
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source); // the browser does not let us; so it is a key press away
      return;
    }
    button.textContent = said.textContent = source.dataset.copied;
    setTimeout(() => { button.textContent = source.dataset.copy; }, 3000);
  });
  (source.closest("pre") ?? source).after(button);
}
