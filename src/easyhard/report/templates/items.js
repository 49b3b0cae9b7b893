"use strict";
// The item browser: search, filter and sort over the rows that the item map is drawn from. Foreign text is only ever
// put in place as text.
(() => {
  const browser = document.getElementById("item-browser");
  const source = document.querySelector("#items figure script");
  if (!browser || !source) return;
  const PAGE = 50;
  const columns = JSON.parse(browser.querySelector("script").textContent);
  const tables = Object.values(JSON.parse(source.textContent).datasets);
  const rows = window.easyhardRows(tables.find((table) => table.columns.includes("rank")));
  const haystacks = rows.map((row) => `${row.item} ${row.question ?? ""}`.toLowerCase());
  const head = browser.querySelector("thead tr");
  const body = browser.querySelector("tbody");
  const search = browser.querySelector("input");
  const [bin, mark] = browser.querySelectorAll("select");
  const count = browser.querySelector("output");
  const more = browser.querySelector("button.more");
  const together = browser.querySelector("button.together");
  const several = browser.querySelector(".of-several");
  const detail = window.easyhardDetail; // not there if nothing is known beyond the table
  let sorted = { name: "rank", up: true };
  let found = [];
  let shown = PAGE;

  const marks = (row) => [row.flag, row.training].filter(Boolean).join(", ");

  function words(row, column) {
    const value = column.name === "marks" ? marks(row) : row[column.name];
    if (value === null || value === undefined || value === "") return "–";
    if (column.form === "signed") return (value > 0 ? "+" : "") + value.toFixed(2).replace("-", "−");
    if (column.form === "number") return value.toFixed(2);
    if (column.form === "percent") return Math.round(100 * value) + "%";
    return String(value);
  }

  function options(select, values) {
    for (const value of values) {
      const option = document.createElement("option");
      option.value = option.textContent = value;
      select.append(option);
    }
    select.parentElement.hidden = values.length === 0;
  }

  function order(a, b) {
    const [x, y] = sorted.name === "marks" ? [marks(a), marks(b)] : [a[sorted.name], b[sorted.name]];
    if (x === y) return a.rank - b.rank;
    if (x === null || x === undefined || x === "") return 1; // what is not known stands last, either way
    if (y === null || y === undefined || y === "") return -1;
    return (x < y ? -1 : 1) * (sorted.up ? 1 : -1);
  }

  // A button with the name of an item, which shows and hides what else is known of it in a row of its own.
  function opener(row, line) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "opener";
    button.textContent = row.item;
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) {
        line.nextSibling.remove();
        return;
      }
      const below = document.createElement("tr");
      const cell = below.insertCell();
      cell.colSpan = columns.length;
      cell.append(detail([row]));
      line.after(below);
    });
    return button;
  }

  function fillTogether() {
    const open = together.getAttribute("aria-expanded") === "true";
    several.replaceChildren(...(open && found.length ? [detail(found)] : []));
  }

  function fill() {
    body.replaceChildren(
      ...found.slice(0, shown).map((row) => {
        const line = document.createElement("tr");
        for (const column of columns) {
          const cell = line.insertCell();
          if (detail && column.name === "item") cell.append(opener(row, line));
          else cell.textContent = words(row, column);
          cell.dir = "auto";
          cell.className = column.form === "text" ? (column.name === "question" ? "words" : "") : "number";
        }
        return line;
      }),
    );
    more.hidden = found.length <= shown;
    count.textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} items`;
  }

  function find() {
    const parts = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = rows.filter(
      (row, place) =>
        parts.every((part) => haystacks[place].includes(part)) &&
        (!bin.value || String(row.bin) === bin.value) &&
        (!mark.value || marks(row).includes(mark.value)),
    );
    found.sort(order);
    shown = PAGE;
    fill();
    fillTogether();
  }

  for (const column of columns) {
    const cell = document.createElement("th");
    const button = document.createElement("button");
    button.textContent = column.heading;
    button.addEventListener("click", () => {
      sorted = { name: column.name, up: sorted.name === column.name ? !sorted.up : true };
      for (const other of head.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
      find();
    });
    cell.scope = "col";
    cell.append(button);
    cell.className = column.form === "text" ? "" : "number";
    head.append(cell);
  }
  const bins = [...new Set(rows.map((row) => row.bin).filter((value) => value !== null && value !== undefined))];
  options(bin, bins.sort((a, b) => a - b).map(String));
  options(mark, [...new Set(rows.flatMap((row) => [row.flag, row.training]).filter(Boolean))].sort());
  search.addEventListener("input", find);
  bin.addEventListener("change", find);
  mark.addEventListener("change", find);
  more.addEventListener("click", () => {
    shown += PAGE;
    fill();
  });
  together.hidden = !detail?.ofSeveral;
  together.addEventListener("click", () => {
    together.setAttribute("aria-expanded", String(together.getAttribute("aria-expanded") !== "true"));
    fillTogether();
  });
  browser.hidden = false;
  find();
})();
