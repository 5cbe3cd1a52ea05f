// Runs: tables that are sorted and filtered in place, the line that tells one cell of a matrix, presses in drawings.
(() => {
  // --- tables ---
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v ?? cell.textContent.trim();
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what has no value comes last, in either order
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  const sort = (table, column, descending) => {
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => (descending && a !== "" && b !== "" ? compare(b, a) : compare(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      head.setAttribute("aria-sort", i !== column ? "none" : descending ? "descending" : "ascending");
    });
  };
  // A table shows the rows that hold the words of its field; without words, all of them or only its first ones.
  const show = (box, words) => {
    const all = box.querySelector("[data-all-rows-of]")?.getAttribute("aria-pressed") !== "false";
    const most = all || words ? Infinity : Number(box.dataset.shown);
    let shown = 0;
    for (const row of box.querySelectorAll("table[data-sortable] tbody tr")) {
      row.hidden = !row.textContent.toLowerCase().includes(words) || shown >= most;
      if (!row.hidden) shown += 1;
    }
  };
  const wordsOf = (field) => (field?.value ?? "").trim().toLowerCase();
  const boxOf = (field) => field.dataset.filter
    ? document.querySelector(`${field.dataset.filter} .bd-sortable`) : field.closest(".bd-sortable");
  const fieldOf = (box) => box.querySelector("[data-filter]")
    ?? [...document.querySelectorAll('[data-filter^="#"]')].find((field) => box.closest(field.dataset.filter));
  const refresh = (box) => show(box, wordsOf(fieldOf(box)));
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("[data-filter]")) return;
    const box = boxOf(event.target);
    if (box) refresh(box);
  });
  document.addEventListener("click", (event) => {
    const head = event.target.closest?.("[data-sort]")?.closest("th");
    const all = event.target.closest?.("[data-all-rows-of]");
    if (all) {
      all.setAttribute("aria-pressed", String(all.getAttribute("aria-pressed") === "false"));
      refresh(all.closest(".bd-sortable"));
    }
    if (!head) return;
    const table = head.closest("table");
    const numeric = head.classList.contains("n") || ["metric", "time", "when"].includes(table.tBodies[0].rows[0]?.cells[head.cellIndex]?.className);
    const now = head.getAttribute("aria-sort");
    // Numbers begin with the largest, words with A.
    sort(table, head.cellIndex, now === "none" ? numeric : now === "ascending");
    refresh(head.closest(".bd-sortable"));
  });

  // --- matrix ---
  const cells = new WeakMap();
  const matrixOf = (element) => {
    if (!cells.has(element)) {
      const labels = JSON.parse(element.dataset.labels);
      const counts = new Map(JSON.parse(element.dataset.counts).map(([row, column, n]) => [row * labels.length + column, n]));
      const totals = labels.map(() => 0);
      for (const [at, n] of counts) totals[Math.floor(at / labels.length)] += n;
      cells.set(element, { labels, counts, totals, at: [0, 0] });
    }
    return cells.get(element);
  };
  const tell = (element, row, column) => {
    const matrix = matrixOf(element);
    const size = matrix.labels.length;
    if (!(row >= 0 && column >= 0 && row < size && column < size)) return;
    matrix.at = [row, column];
    const n = matrix.counts.get(row * size + column) ?? 0;
    const share = matrix.totals[row] ? ` (${Math.round((100 * n) / matrix.totals[row])}%)` : "";
    element.querySelector("output").textContent = `${element.dataset.true}: ${matrix.labels[row]} · ` +
      `${element.dataset.predicted}: ${matrix.labels[column]} · ${n} / ${matrix.totals[row]}${share}`;
    const { left, top, cell } = element.dataset;
    let mark = element.querySelector("rect.cursor");
    if (!mark) {
      mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      mark.setAttribute("class", "cursor");
      element.querySelector("svg").append(mark);
    }
    const place = { x: Number(left) + column * cell, y: Number(top) + row * cell, width: cell, height: cell };
    for (const [name, value] of Object.entries(place)) mark.setAttribute(name, value);
  };
  const under = (element, event) => {
    const svg = element.querySelector("svg");
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const { left, top, cell } = element.dataset;
    return [Math.floor((point.y - top) / cell), Math.floor((point.x - left) / cell)];
  };
  for (const name of ["pointermove", "pointerdown"]) {
    document.addEventListener(name, (event) => {
      const element = event.target.closest?.(".bd-confusion");
      if (element) tell(element, ...under(element, event));
    });
  }
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  document.addEventListener("keydown", (event) => {
    const element = event.target.closest?.(".bd-confusion");
    const step = STEPS[event.key];
    if (!element || !step) return;
    event.preventDefault();
    const matrix = matrixOf(element);
    const last = matrix.labels.length - 1;
    tell(element, ...matrix.at.map((at, i) => Math.min(last, Math.max(0, at + step[i]))));
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.(".bd-confusion")) tell(event.target, ...matrixOf(event.target).at);
  });

  // --- presses ---
  const runList = (element, trigger, watch) => {
    let order = null; // [column, descending], as a person has set it
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-open]");
      const head = event.target.closest("[data-sort]")?.closest("th");
      // The order is read after the listener of the document has set it.
      if (head) setTimeout(() => { order = [head.cellIndex, head.getAttribute("aria-sort") === "descending"]; });
      if (!button) return;
      window.bertdemo.address("run", button.dataset.open, true);
      trigger("select", { run: button.dataset.open });
    });
    watch("value", () => requestAnimationFrame(() => {
      const box = element.querySelector(".bd-sortable");
      if (!box) return;
      if (order) sort(box.querySelector("table"), ...order);
      refresh(box);
    }));
  };
  const runResult = (element, trigger) => element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-csv]");
    if (button) trigger("select", { csv: button.dataset.csv });
  });
  const runUndo = (element, trigger) => element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-undo]");
    if (button) trigger("select", { run: button.dataset.undo });
  });
  const leaveRun = () => {
    window.bertdemo.address("run", "", true);
    window.bertdemo.address("compare", "");
  };
  Object.assign(window.bertdemo, { runList, runResult, runUndo, leaveRun });
})();
