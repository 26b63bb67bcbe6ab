/**
 * The room Live: adds events to the page as the collector sends them, newest first. What comes is markup that the
 * collector made and escaped. Without this module a reload does the same.
 */

const SPEAK_EVERY_MS = 10_000;
const WAITING_MAX = 20;

/** @typedef {{rows?: string, more: number, atLeast: boolean, gone: number[], who?: Record<string, string>, present?: number}} Bulletin */

/** @param {string} name @returns {HTMLElement} */
const part = (name) => /** @type {HTMLElement} */ (document.querySelector(`[data-live${name && `-${name}`}]`));
const number = new Intl.NumberFormat("en");

/** @param {number} n @param {string} word */
const counted = (n, word) => `${number.format(n)} ${word}${n === 1 ? "" : "s"}`;

/** @param {string} html */
function rowsOf(html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  return [...made.content.querySelectorAll("tr")];
}

/** The table: new rows on top, never more than so many, none twice. */
function table() {
  const body = part("");
  const rowsMax = Number(body.dataset.rowsMax);

  /** @param {number} more @param {boolean} atLeast */
  function gap(more, atLeast) {
    const row = document.createElement("tr");
    const cell = row.insertCell();
    cell.colSpan = 5;
    cell.className = "live-more";
    cell.textContent = `${atLeast ? "More than " : ""}${counted(more, "more event")} came in between`;
    row.className = "live-gap";
    return row;
  }

  return {
    /** @param {Bulletin} told */
    add(told) {
      const rows = rowsOf(told.rows ?? "").filter((row) => !document.getElementById(row.id));
      for (const row of rows) row.classList.add("live-new");
      body.prepend(...rows, ...(told.more ? [gap(told.more, told.atLeast)] : []));
      while (body.rows.length > rowsMax) body.rows[body.rows.length - 1].remove();
      part("table").hidden = body.rows.length === 0;
      part("empty").hidden = body.rows.length > 0;
    },
    /** @param {Bulletin} told */
    mend({ who = {}, gone }) {
      for (const [seq, html] of Object.entries(who)) {
        const cell = document.querySelector(`#e${seq} .live-who`);
        if (cell && cell.innerHTML.trim() !== html.trim()) cell.innerHTML = html;
      }
      for (const seq of gone) document.getElementById(`e${seq}`)?.remove();
    },
  };
}

/** Says now and then how much came, so that a screen reader is told without being flooded. */
function speaker() {
  const line = part("says");
  let came = 0;
  let timer = 0;
  function speak() {
    timer = 0;
    line.textContent = `${counted(came, "new event")}. ${part("present").textContent} ${part("people").textContent} in the last 5 minutes.`;
    came = 0;
  }
  return (/** @type {number} */ n) => {
    came += n;
    if (n && !timer) timer = setTimeout(speak, SPEAK_EVERY_MS);
  };
}

/** While paused bulletins wait, the oldest ones only as a number. */
function pausing(/** @type {(told: Bulletin) => void} */ show) {
  const button = part("pause");
  /** @type {Bulletin[]} */
  let waiting = [];
  let paused = false;

  const size = (/** @type {Bulletin} */ told) => rowsOf(told.rows ?? "").length + told.more;
  function label() {
    const n = waiting.reduce((sum, told) => sum + size(told), 0);
    button.textContent = paused ? (n ? `Resume (${number.format(n)} new)` : "Resume") : "Pause";
  }
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    for (const told of paused ? [] : waiting) show(told);
    waiting = [];
    label();
  });
  return (/** @type {Bulletin} */ told) => {
    if (!paused) return show(told);
    waiting.push(told);
    if (waiting.length > WAITING_MAX) {
      const [first, second, ...rest] = waiting;
      const more = size(first) + size(second);
      const gone = [...first.gone, ...second.gone].slice(-WAITING_MAX);
      waiting = [{ more, atLeast: first.atLeast || second.atLeast, gone, who: { ...first.who, ...second.who } }, ...rest];
    }
    label();
  };
}

/** @param {string} text */
function fault(text) {
  part("fault").textContent = text;
  part("fault").hidden = !text;
}

/** @param {string} address Why a stream was refused is in the answer to the same question, asked once more. */
async function askWhy(address) {
  const abandon = new AbortController();
  const answer = await fetch(address, { headers: { accept: "text/event-stream" }, signal: abandon.signal }).catch(() => null);
  const why = answer && !answer.ok ? (await answer.text()).trim() : "";
  abandon.abort();
  fault(answer?.status === 401 ? "You are signed out. Reload this page to sign in." : `${why || "The stream ended"}. Reload this page to go on.`);
}

function start() {
  const address = part("").dataset.live ?? "";
  const rows = table();
  const speak = speaker();
  const show = pausing((told) => {
    rows.add(told);
    rows.mend(told);
    speak(rowsOf(told.rows ?? "").length + told.more);
  });
  const state = (/** @type {string} */ text, /** @type {string} */ kind) => {
    part("state").textContent = text;
    part("state").className = `badge ${kind}`;
  };
  const stream = new EventSource(address);
  part("controls").hidden = false;
  stream.addEventListener("open", () => {
    state("Live", "good");
    fault("");
  });
  stream.addEventListener("message", (event) => {
    /** @type {Bulletin} */
    const told = JSON.parse(event.data);
    if (told.present !== undefined) {
      part("present").textContent = number.format(told.present);
      part("people").textContent = told.present === 1 ? "visitor" : "visitors";
    }
    show(told);
    rows.mend(told);
  });
  stream.addEventListener("end", () => {
    stream.close();
    state("Ended", "bad");
    fault("You are signed out. Reload this page to sign in.");
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return state("Reconnecting", "warn");
    state("Ended", "bad");
    return askWhy(address);
  });
  // A page that is left and kept for the way back must not hold its stream open.
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

start();
