/**
 * The room Home: draws the table of days (or hours) as charts, by uPlot. The table stays, folded; without this module
 * it is what there is.
 */

const HEIGHT = 220;

/** @typedef {{label: string, colour: string, values: number[]}} Series */

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * What the table says: the labels of its rows, and a column by the name that its head bears.
 * @param {HTMLTableElement} table
 */
function read(table) {
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  return {
    head: heads[0].textContent,
    labels: rows.map((row) => row.cells[0].textContent.trim()),
    /** @param {string} name */
    column(name) {
      const at = heads.findIndex((head) => head.dataset.series === name);
      const values = rows.map((row) => Number(row.cells[at].textContent.replaceAll(",", "")));
      return { label: heads[at].textContent.replace("\u00ad", ""), values };
    },
  };
}

/**
 * @param {HTMLElement} place
 * @param {ReturnType<typeof read>} numbers
 */
function draw(place, numbers) {
  const names = place.dataset.chart.split(" ");
  const columns = names.map(numbers.column);
  const bars = "bars" in place.dataset;
  const inks = bars ? ["--chart-2", "--chart-0"] : ["--chart-1", "--chart-3"];
  const axis = {
    stroke: colour("--ink-soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
  const newest = numbers.labels.length - 1;
  /** @param {number} at */
  const label = (at) => (Number.isInteger(at) ? numbers.labels[at] ?? "" : "");
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    scales: {
      x: { time: false, range: bars ? [-0.6, numbers.labels.length - 0.4] : [0, numbers.labels.length - 1] },
      y: { range: (/** @type {unknown} */ _, /** @type {number} */ _low, /** @type {number} */ high) => [0, Math.max(high * 1.1, 4)] },
    },
    cursor: { drag: { x: false, y: false }, y: false },
    axes: [
      { ...axis, space: 80, incrs: [1, 2, 3, 4, 6, 7, 10, 14, 15, 30], values: (_, splits) => splits.map(short) },
      { ...axis, size: 56, values: (_, splits) => splits.map((n) => (Number.isInteger(n) ? n.toLocaleString("en") : "")) },
    ],
    series: [
      { label: numbers.head, value: (_, at) => short(at ?? newest) },
      ...columns.map(({ label: name, values }, at) => ({
        label: name,
        stroke: colour(inks[at]),
        width: 2,
        points: { show: numbers.labels.length < 2 },
        // Where nobody points, the newest is told: an empty legend looks broken, and a phone has nothing to point with.
        value: (_, n) => (n ?? values[newest]).toLocaleString("en"),
        ...(bars ? { fill: colour(inks[at]), width: 0, paths: globalThis.uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } } : {}),
      })),
    ],
  };
  /** The year is told above. @param {number} at */
  function short(at) {
    return label(at).replace(/\s\d{4}$/, "");
  }
  const rows = numbers.labels.map((_, at) => at);
  place.replaceChildren();
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${columns.map((column) => column.label).join(" and ")}; the table has the same numbers`);
  return new globalThis.uPlot(options, [rows, ...columns.map((column) => column.values)], place);
}

function start() {
  const charts = document.querySelector(".home-charts");
  const table = document.querySelector(".home-table table");
  if (!globalThis.uPlot || !charts || !(table instanceof HTMLTableElement)) return;
  const numbers = read(table);
  charts.removeAttribute("hidden");
  document.querySelector(".home-numbers").removeAttribute("open");
  const places = [...charts.querySelectorAll("[data-chart]")];
  let drawn = places.map((place) => draw(place, numbers));
  new ResizeObserver(() => requestAnimationFrame(() => {
    drawn.forEach((plot, at) => {
      const width = places[at].clientWidth;
      if (width !== plot.width) plot.setSize({ width, height: HEIGHT });
    });
  })).observe(charts);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawn.forEach((plot) => plot.destroy());
    drawn = places.map((place) => draw(place, numbers));
  });
}

start();
