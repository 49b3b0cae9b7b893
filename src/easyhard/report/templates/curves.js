"use strict";
// What is known of one item, or of several: the model's curve, what groups of respondents of like ability did, and what
// trainings did. Counts come as signs of an alphabet, a few for each number. Foreign text is only put in place as text.
(() => {
  const browser = document.getElementById("item-browser");
  const source = browser?.querySelector("script.curves");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const base = data.alphabet.length;
  const digit = new Map([...data.alphabet].map((sign, value) => [sign, value]));
  const groups = data.ability ? data.ability.length : 0;
  const MOST_WIDTH = 460, HEIGHT = 240, LEFT = 46, RIGHT = 12, TOP = 10, BOTTOM = 44;
  const Z = 1.959964;

  function number(text, width, place) {
    let value = 0;
    for (let k = place * width; k < (place + 1) * width; k += 1) value = value * base + digit.get(text[k]);
    return value;
  }
  const counts = (text, item) => data.ability.map((_, group) => number(text, data.width, item * groups + group));
  const signed = (value) => (value > 0 ? "+" : "") + value.toFixed(2).replace("-", "−");
  const percent = (value) => Math.round(100 * value) + "%";

  // 95% interval of a proportion, by Wilson's score.
  function wilson(right, n) {
    const centre = (right + (Z * Z) / 2) / (n + Z * Z);
    const half = (Z * Math.sqrt((right * (n - right)) / n + (Z * Z) / 4)) / (n + Z * Z);
    return [Math.max(0, centre - half), Math.min(1, centre + half)];
  }

  const chance = (row, ability) => {
    const slope = data.slopes ? data.slopes[row.rank - 1] : 1;
    return 1 / (1 + Math.exp(-slope * (ability - row.difficulty)));
  };

  // Groups over all of the rows: responses, right ones, and how many the model expects to be right.
  function observed(rows) {
    const found = data.ability.map((ability) => ({ ability, n: 0, right: 0, expected: 0 }));
    for (const row of rows) {
      const right = counts(data.correct, row.rank - 1);
      const seen = data.seen ? counts(data.seen, row.rank - 1) : data.size;
      found.forEach((group, k) => {
        group.n += seen[k];
        group.right += right[k];
        group.expected += seen[k] * chance(row, group.ability);
      });
    }
    return found;
  }

  function drawn(name, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function picture(rows, found) {
    const WIDTH = Math.min(MOST_WIDTH, browser.querySelector(".body").clientWidth);
    const low = Math.min(...data.ability) - 1, high = Math.max(...data.ability) + 1;
    const x = (ability) => LEFT + ((ability - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
    const y = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
    const one = rows.length === 1;
    const words = found.filter(({ n }) => n).map(({ ability, n, right }) => `${signed(ability)}: ${percent(right / n)}`);
    const what = one ? `item of difficulty ${signed(rows[0].difficulty)}` : `${rows.length} items together`;
    const svg = drawn("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, role: "img", class: "curve",
      "aria-label": `Share of right answers by ability, ${what}. Observed: ${words.join("; ")}.`,
    });
    for (const share of [0, 0.5, 1]) {
      svg.append(drawn("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(share), y2: y(share), class: "grid" }));
      svg.append(drawn("text", { x: LEFT - 8, y: y(share) + 4, "text-anchor": "end" }, percent(share)));
    }
    const step = Math.max(1, Math.ceil((high - low) / 8));
    for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
      const label = (tick > 0 ? "+" : "") + String(tick).replace("-", "−");
      svg.append(drawn("text", { x: x(tick), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, label));
    }
    const title = { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle", class: "title" };
    svg.append(drawn("text", title, `ability, ${data.unit}`));
    if (one && rows[0].difficulty > low && rows[0].difficulty < high) {
      const at = x(rows[0].difficulty);
      svg.append(drawn("line", { x1: at, x2: at, y1: y(0), y2: y(1), class: "difficulty" }));
    }
    const points = [];
    const steps = rows.length < 500 ? 60 : 20; // thousands of curves together are smooth, and take their time
    for (let k = 0; k <= steps; k += 1) {
      const ability = low + ((high - low) * k) / steps;
      const share = rows.reduce((sum, row) => sum + chance(row, ability), 0) / rows.length;
      points.push(`${x(ability).toFixed(1)},${y(share).toFixed(1)}`);
    }
    svg.append(drawn("polyline", { points: points.join(" "), class: "model" }));
    for (const { ability, n, right } of found.filter((group) => group.n)) {
      if (one) {
        const [from, to] = wilson(right, n);
        svg.append(drawn("line", { x1: x(ability), x2: x(ability), y1: y(from), y2: y(to), class: "interval" }));
      }
      svg.append(drawn("circle", { cx: x(ability), cy: y(right / n), r: 4, class: "observed" }));
    }
    return svg;
  }

  function table(rows, found) {
    const one = rows.length === 1;
    const element = document.createElement("table");
    const heads = ["ability", "responses", "right", "observed", ...(one ? ["95% interval"] : []), "model"];
    const head = element.createTHead().insertRow();
    for (const heading of heads) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = "number";
      cell.textContent = heading;
      head.append(cell);
    }
    const body = element.createTBody();
    for (const { ability, n, right, expected } of found) {
      const span = n ? wilson(right, n).map(percent).join(" to ") : "–";
      const share = n ? percent(right / n) : "–";
      const model = percent(n ? expected / n : chance(rows[0], ability));
      const count = (value) => value.toLocaleString("en");
      const line = body.insertRow();
      for (const text of [signed(ability), count(n), count(right), share, ...(one ? [span] : []), model]) {
        const cell = line.insertCell();
        cell.className = "number";
        cell.textContent = text;
      }
    }
    return element;
  }

  function trainings(row) {
    const list = document.createElement("ul");
    for (const { model, width, text } of data.trainings) {
      const [before, runs, right] = [0, 1, 2].map((k) => number(text, width, 3 * (row.rank - 1) + k));
      if (!before && !runs) continue;
      const line = document.createElement("li");
      line.dir = "auto";
      const first = before ? `zero-shot ${before === 2 ? "right" : "wrong"}, ` : "";
      line.textContent = `${model}: ${first}right after ${right} of ${runs} trainings`;
      list.append(line);
    }
    return list;
  }

  // An element with what is known of the rows, numbered by their rank.
  window.easyhardDetail = (rows) => {
    const place = document.createElement("div");
    place.className = "detail";
    if (groups && rows.length) {
      const found = observed(rows);
      place.append(picture(rows, found), table(rows, found));
    }
    if (rows.length === 1) place.append(trainings(rows[0]));
    return place;
  };
  window.easyhardDetail.ofSeveral = groups > 0;
})();
