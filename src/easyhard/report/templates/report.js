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
  const SHRINK = 0.8; // a figure shrinks to fit, but not further: its text would not be legible
  const BESIDE = 64; // pixels beside the cells of a narrow heat map, for the names of its rows
  const tables = {}; // of all figures: one whose data are null has those of a figure before
  const specs = new Map();
  for (const figure of figures) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    for (const [name, table] of Object.entries(spec.datasets)) tables[name] ??= table;
    specs.set(figure, spec);
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // A heat map with cells as wide as there is room for, and smaller text. Its rows go without the title, which the
  // text above has.
  function withSmallCells(spec, columns, room) {
    const step = (room - BESIDE) / columns;
    const height = { step: (step * spec.height.step) / spec.width.step };
    const smaller = { hatch: { size: step * step }, "no-value": { text: "–" } };
    const layer = spec.layer.map((one) => ({
      ...one,
      mark: { ...one.mark, ...smaller[one.mark.style] },
      encoding: { ...one.encoding, y: { ...one.encoding.y, title: null } },
    }));
    return { ...spec, layer, width: { step }, height };
  }

  // The frame and the axis already say what these signs say.
  function withShortLabels(row) {
    const short = (name) => (typeof row[name] === "string" ? { [name]: row[name].replace(/%?†|%/, "") } : {});
    if (row.look === "zero_shot") return row;
    return { ...row, ...short("label"), ...short("accuracy_label"), ...short("z_label") };
  }

  function withSmallText(config, columns, room) {
    const fontSize = Math.min(13, 0.34 * ((room - BESIDE) / columns));
    const style = Object.entries(config.style).map(([name, one]) => [name, one.fontSize ? { ...one, fontSize } : one]);
    const axis = { ...config.axis, labelFontSize: 10, labelPadding: 5, labelLimit: 54 };
    return { ...config, axis, style: Object.fromEntries(style), padding: 2 };
  }

  async function draw(figure, scheme) {
    const place = figure.querySelector("." + scheme);
    let spec = { ...specs.get(figure) };
    let config = configs[scheme];
    const names = Object.keys(spec.datasets);
    spec.datasets = Object.fromEntries(names.map((name) => [name, window.easyhardRows(tables[name])]));
    if ("fluid" in figure.dataset && spec.vconcat) {
      const room = figure.clientWidth - AXIS;
      spec.vconcat = spec.vconcat.map((part) => ({ ...part, width: Math.min(part.width, room) }));
    } else if ("fluid" in figure.dataset && spec.width) {
      spec.width = Math.min(spec.width + 70, figure.clientWidth);
      spec.autosize = { type: "fit-x", contains: "padding" };
    }
    const room = figure.closest(".body").clientWidth; // a figure that is not drawn, or not chosen, has no width yet
    const { panel, cells } = figure.dataset;
    if (panel && spec.columns) {
      spec.columns = Math.max(1, Math.min(spec.columns, Math.floor(room / Number(panel))));
    }
    if (cells && room < SHRINK * Number(panel)) {
      config = withSmallText(config, Number(cells), room);
      const narrow = (one) => withSmallCells(one, Number(cells), room);
      spec = spec.concat ? { ...spec, concat: spec.concat.map(narrow) } : narrow(spec);
      for (const name of names) spec.datasets[name] = spec.datasets[name].map(withShortLabels);
    }
    drawn.get(place)?.finalize();
    try {
      const result = await vegaEmbed(place, spec, {
        mode: "vega-lite",
        renderer: "svg",
        actions: false,
        defaultStyle: false,
        ast: true, // expressions are interpreted, not compiled: the page's policy forbids eval
        config,
        tooltip: { disableDefaultStyle: true },
      });
      drawn.set(place, result);
      const svg = place.querySelector("svg");
      svg.style.minWidth = `${SHRINK * svg.width.baseVal.value}px`;
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
