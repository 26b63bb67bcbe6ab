/**
 * Buttons that copy: <button data-copy="ID" hidden> beside the element whose text it copies. Without this module the
 * button stays hidden and the text is selected by hand.
 */
const SAID_MS = 2000;

/** @param {HTMLElement} source */
async function copy(source) {
  const text = source.innerText.trim();
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http on another machine: no clipboard there, but the old command still copies what is selected.
  getSelection()?.selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not copied");
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
      getSelection()?.selectAllChildren(source);
      label.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { label.textContent = before; }, SAID_MS);
  });
}
