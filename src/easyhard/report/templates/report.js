"use strict";
// A figure is drawn in the colours of a light page, which paper always gets, and on a dark screen in those of a dark
// one too, that first. The style sheet shows one of the two, so that printing needs no script.
// Data come as columns and rows, a text of few values as places in a list of words: a third of the bytes.
window.easyhardRows = ({ columns, rows, words }) =>
  rows.map((row) =>
    Object.fromEntries(columns.map((column, place) => [column, column in words ? words[column][row[place]] : row[place]])),
  );

(() => {
  const configs = JSON.parse(document.getElementById("schemes").textContent);
  const figures = [...document.querySelectorAll("figure.drawing")];
  const drawn = new Map();
  const AXIS = 84; // pixels beside a plot, for an axis with its title
  const tables = {}; // of all figures: one whose data are null has those of a figure before
  const specs = new Map();
  for (const figure of figures) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    for (const [name, table] of Object.entries(spec.datasets)) tables[name] ??= table;
    specs.set(figure, spec);
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");

  async function draw(figure, scheme) {
    const place = figure.querySelector("." + scheme);
    const spec = { ...specs.get(figure) };
    const names = Object.keys(spec.datasets);
    spec.datasets = Object.fromEntries(names.map((name) => [name, window.easyhardRows(tables[name])]));
    if ("fluid" in figure.dataset && spec.vconcat) {
      const room = figure.clientWidth - AXIS;
      spec.vconcat = spec.vconcat.map((part) => ({ ...part, width: Math.min(part.width, room) }));
    } else if ("fluid" in figure.dataset && spec.width) {
      spec.width = Math.min(spec.width + 70, figure.clientWidth);
      spec.autosize = { type: "fit-x", contains: "padding" };
    }
    if (figure.dataset.panel && spec.columns) {
      const room = figure.clientWidth || figure.parentElement.clientWidth; // one that is not chosen has no width yet
      const fitting = Math.floor(room / Number(figure.dataset.panel));
      spec.columns = Math.max(1, Math.min(spec.columns, fitting));
    }
    drawn.get(place)?.finalize();
    try {
      const result = await vegaEmbed(place, spec, {
        mode: "vega-lite",
        renderer: "svg",
        actions: false,
        defaultStyle: false,
        ast: true, // expressions are interpreted, not compiled: the page's policy forbids eval
        config: configs[scheme],
        tooltip: { disableDefaultStyle: true },
      });
      drawn.set(place, result);
      const svg = place.querySelector("svg");
      svg.style.minWidth = `${0.8 * svg.width.baseVal.value}px`; // shrink to fit, but not below legible text
    } catch (error) {
      place.textContent = `This figure could not be drawn (${error.message}); the table below has its numbers.`;
    }
  }

  async function drawAll(which) {
    for (const scheme of dark.matches ? ["dark", "light"] : ["light"]) {
      for (const figure of which) {
        await draw(figure, scheme);
        await new Promise((next) => setTimeout(next)); // lets the page show it and answer before the next one
      }
    }
    document.documentElement.dataset.drawn = "";
  }

  let width = innerWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // on a phone the height changes with every scroll
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => drawAll(figures.filter(({ dataset }) => "fluid" in dataset || dataset.panel)), 200);
  });
  dark.addEventListener("change", () => drawAll(figures));
  drawAll(figures);
})();
