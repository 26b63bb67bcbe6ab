/**
 * Waits for a site's first event: asks for each [data-reception] part again until it says that the event came, while
 * the page is looked at. Without this module a reload does the same.
 */
const EVERY_MS = 2000;

/** @param {HTMLElement} part */
function wait(part) {
  const address = part.dataset.reception ?? "";
  const timer = setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(address).catch(() => null);
    // Signed out, or the site is gone: only a reload can help.
    if (answer && [401, 404].includes(answer.status)) return clearInterval(timer);
    if (!answer?.ok) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = await answer.text();
    // Said anew only where it changed: a screen reader speaks up at each replacement.
    if (fresh.content.textContent.trim() !== part.textContent?.trim()) part.replaceChildren(fresh.content);
    if (part.querySelector("[data-came]")) clearInterval(timer);
  }, EVERY_MS);
}

for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-reception]"))) wait(part);
