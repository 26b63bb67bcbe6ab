/**
 * Buttons that copy: <button data-copy="ID" hidden> beside the element whose text it copies. Without this module the
 * button stays hidden and the text is selected by hand.
 */
const SAID_MS = 2000;

/** @param {HTMLElement} source */
async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.innerText.trim());
  } catch {
    // No clipboard over plain http, or it was denied: the old command copies what is selected.
    getSelection()?.selectAllChildren(source);
    if (!document.execCommand("copy")) throw new Error("not copied");
  }
}

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("button[data-copy]"))) {
  const source = document.getElementById(button.dataset.copy ?? "");
  const label = button.querySelector("span");
  if (!source || !label) continue;
  button.hidden = false;
  label.setAttribute("role", "status");
  const before = label.textContent;
  button.addEventListener("click", async () => {
    try {
      await copy(source);
      label.textContent = "Copied";
    } catch {
      label.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { label.textContent = before; }, SAID_MS);
  });
}
