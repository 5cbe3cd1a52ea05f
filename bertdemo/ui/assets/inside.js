// Inside BERT: paints numbers that the server sent, and lets mouse and keyboard read them. Nothing is computed here.
// A picture is an element with data-paint and data-z (base64 of zlib of little-endian numbers); what it says is in
// its aria-label, and in a table beside it, so that nobody depends on the paint.
(() => {
  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };

  const color = (element, name) =>
    getComputedStyle(element).getPropertyValue(name).split(",").map((part) => parseInt(part, 10));

  // One number a pixel, from -1 to 1: from the paper to blue, below zero to orange.
  const fill = (element, width, height, value) => {
    const canvas = element.querySelector("canvas");
    canvas.width = width;
    canvas.height = height;
    const image = new ImageData(width, height);
    const [cool, warm] = [color(element, "--bd-cool"), color(element, "--bd-warm")];
    for (let i = 0; i < width * height; i++) {
      const amount = value(i);
      const [red, green, blue] = amount < 0 ? warm : cool;
      image.data.set([red, green, blue, Math.round(255 * Math.min(1, Math.abs(amount)))], 4 * i);
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  };

  const painters = {
    strip(element, buffer) {
      const values = new Float32Array(buffer);
      const scale = Number(element.dataset.scale) || 1;
      fill(element, values.length, 1, (i) => values[i] / scale);
      element.cells = { columns: values.length, rows: 1, say: (row, column) => `[${column}] ${values[column].toFixed(4)}` };
    },
    grid(element, buffer) {
      const { rows, columns, kind, scale } = element.dataset;
      const signed = kind === "signed";
      const values = signed ? new Int8Array(buffer) : new Uint8Array(buffer);
      const most = signed ? 127 : 255;
      fill(element, Number(columns), Number(rows), (i) => values[i] / most);
      const unit = Number(scale) || 1;
      element.cells = {
        columns: Number(columns), rows: Number(rows),
        say: (row, column) => `[${row}, ${column}] ${((values[row * Number(columns) + column] / most) * unit).toFixed(3)}`,
      };
    },
    overview(element, buffer) {
      const values = new Uint8Array(buffer);
      const [layers, heads, side] = ["layers", "heads", "side"].map((name) => Number(element.dataset[name]));
      const width = heads * side;
      fill(element, width, layers * side, (i) => {
        const [y, x] = [Math.floor(i / width), i % width];
        const cell = Math.floor(y / side) * heads + Math.floor(x / side);
        return values[(cell * side + (y % side)) * side + (x % side)] / 255;
      });
    },
    matrix(element, buffer) {
      const values = new Uint16Array(buffer);
      const n = Number(element.dataset.n);
      const most = element.dataset.stretched ? values.reduce((a, b) => Math.max(a, b), 1) : 65535;
      fill(element, n, n, (i) => values[i] / most);
      element.weights = values;
      element.cells = {
        columns: n, rows: n,
        say: (row, column) => {
          const [from, to] = [piece(row), piece(column)];
          return `${from} → ${to} ${(values[row * n + column] / 65535).toFixed(3)}`;
        },
        choose: (row) => strip()?.querySelectorAll("button")[row]?.click(),
      };
      arcs();
    },
  };

  const strip = () => document.querySelector("#inside-arcs .bd-toks");
  const piece = (i) => strip()?.querySelectorAll("button")[i]?.textContent ?? String(i);

  // The chosen token's row as arcs over the line of tokens, the strongest last so that it lies on top.
  const arcs = () => {
    const [line, matrix] = [strip(), document.querySelector("#inside-matrix [data-paint=matrix]")];
    const svg = document.querySelector("#inside-arcs svg");
    if (!line || !svg || !matrix || !matrix.weights) return;
    const tokens = [...line.querySelectorAll("button")];
    const chosen = tokens.findIndex((token) => token.getAttribute("aria-pressed") === "true");
    svg.replaceChildren();
    // The tokens of a new text come before its weights; these are painted when they are there.
    if (chosen < 0 || matrix.weights.length !== tokens.length ** 2) return;
    const scroller = line.parentElement;
    line.classList.remove("tight");
    line.classList.toggle("tight", line.offsetWidth > scroller.clientWidth); // smaller, without ids
    const height = 120;
    const middle = (token) => token.offsetLeft + token.offsetWidth / 2;
    svg.setAttribute("width", line.scrollWidth);
    svg.setAttribute("height", height);
    const from = middle(tokens[chosen]);
    if (from < scroller.scrollLeft || from > scroller.scrollLeft + scroller.clientWidth) {
      scroller.scrollLeft = from - scroller.clientWidth / 2;
    }
    const row = [...matrix.weights.subarray(chosen * tokens.length, (chosen + 1) * tokens.length)];
    row.map((weight, i) => [weight / 65535, i])
      .filter(([weight]) => weight >= 0.01)
      .sort(([a], [b]) => a - b)
      .forEach(([weight, i]) => {
        const to = middle(tokens[i]);
        const top = Math.max(6, height - 14 - Math.abs(to - from) / 2.5);
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", i === chosen
          ? `M${from - 6} ${height} C${from - 16} ${height - 34} ${from + 16} ${height - 34} ${from + 6} ${height}`
          : `M${from} ${height} C${from} ${top} ${to} ${top} ${to} ${height}`);
        path.setAttribute("stroke-width", (0.6 + 7 * weight).toFixed(2));
        path.setAttribute("stroke-opacity", (0.15 + 0.85 * weight).toFixed(3));
        svg.append(path);
      });
    const best = row.indexOf(Math.max(...row));
    const beyond = () => tellStrongest(scroller, middle(tokens[best]), `${piece(best)} ${(row[best] / 65535).toFixed(3)}`);
    scroller.onscroll = beyond;
    beyond();
  };
  // An arc that ends outside what is seen of the line would be a line into nowhere: below it stands where it goes.
  const tellStrongest = (scroller, to, name) => {
    const [left, right] = [to < scroller.scrollLeft, to > scroller.scrollLeft + scroller.clientWidth];
    const output = scroller.parentElement.querySelector("output");
    output.className = right ? "right" : "";
    output.textContent = left ? `← ${name}` : right ? `${name} →` : "";
  };

  const paint = async (element) => {
    const wanted = element?.dataset.z;
    if (!wanted || !painters[element.dataset.paint]) return;
    const buffer = await inflate(wanted);
    if (element.isConnected && element.dataset.z === wanted) painters[element.dataset.paint](element, buffer);
  };

  const groups = ".bd-toks, .bd-overview";
  const kept = new Set();
  const reopen = (details) => { if (!details.open && kept.has(details.dataset.keep)) details.open = true; };
  const arrive = (node) => {
    if (!(node instanceof HTMLElement)) return; // arcs are SVG, and drawing them is no reason to draw them again
    const each = (selector, act) => {
      if (node.matches(selector)) act(node);
      node.querySelectorAll(selector).forEach(act);
    };
    each("[data-paint]", paint);
    each("details[data-keep]", reopen);
    if (node.matches("#inside-arcs *") || node.querySelector(".bd-arcs")) requestAnimationFrame(arcs);
  };
  // Gradio patches a drawing where it can: then a picture has new numbers, or a canvas that was emptied.
  const patched = (element, name) => {
    if (name === "open") reopen(element);
    else if (name === "data-z") paint(element);
    else if (!element.hasAttribute("width")) paint(element.closest("[data-paint]"));
  };

  const cellAt = (element, event) => {
    const box = element.querySelector("canvas").getBoundingClientRect();
    const at = (position, size, cells) => Math.min(cells - 1, Math.max(0, Math.floor((position / size) * cells)));
    return [
      at(event.clientY - box.top, box.height, element.cells.rows),
      at(event.clientX - box.left, box.width, element.cells.columns),
    ];
  };
  const say = (element, cell) => {
    element.cell = cell;
    const output = element.querySelector("output");
    if (output) output.textContent = element.cells.say(...cell);
  };
  const readable = (event) => {
    const element = event.target instanceof Element ? event.target.closest("[data-paint]") : null;
    return element && element.cells ? element : null;
  };

  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const walk = (event) => {
    const step = arrows[event.key];
    const button = event.target.closest?.("button");
    const group = button?.closest(groups);
    if (group && (step || event.key === "Home" || event.key === "End")) {
      const buttons = [...group.querySelectorAll("button")];
      const across = Number(group.dataset.heads) || 0;
      let at = buttons.indexOf(button);
      if (event.key === "Home") at = 0;
      else if (event.key === "End") at = buttons.length - 1;
      else at += step[1] + step[0] * (across || 1);
      if (!buttons[at]) return;
      event.preventDefault();
      buttons.forEach((other) => { other.tabIndex = other === buttons[at] ? 0 : -1; });
      buttons[at].focus();
      return;
    }
    const element = readable(event);
    if (!element || element !== event.target) return;
    const [row, column] = element.cell ?? [0, -1];
    if (step) {
      event.preventDefault();
      const clamp = (value, most) => Math.min(most - 1, Math.max(0, value));
      say(element, [clamp(row + step[0], element.cells.rows), clamp(column + step[1], element.cells.columns)]);
    } else if (event.key === "Enter" && element.cell) element.cells.choose?.(row);
  };

  const press = (button) => {
    const { token, layer, head } = button.dataset;
    const mark = (selector) => document.querySelectorAll(selector).forEach((other) => {
      const same = token !== undefined
        ? other.dataset.token === token
        : other.dataset.layer === layer && other.dataset.head === head;
      other.setAttribute("aria-pressed", String(same));
      if (other.closest(groups)) other.tabIndex = same ? 0 : -1;
    });
    if (token !== undefined) {
      mark("#inside-tokens [data-token], #inside-arcs [data-token]");
      arcs();
    } else if (layer !== undefined) {
      mark("#inside-overview [data-layer]");
      window.bertdemo.address("layer", layer);
      window.bertdemo.address("head", head);
    }
  };

  const copy = async (button) => {
    const text = button.parentElement.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(button.parentElement.querySelector("pre")); // no permission: leave it selected
      return;
    }
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  };

  document.addEventListener("mousemove", (event) => {
    const element = readable(event);
    if (element && event.target.tagName === "CANVAS") say(element, cellAt(element, event));
    const point = event.target.closest?.(".bd-points [data-name]");
    const output = point?.closest(".bd-points")?.querySelector("output");
    if (output) output.textContent = point.dataset.name;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (button) copy(button);
    const details = event.target.closest?.("summary")?.parentElement; // a click: it will be the other way round
    if (details?.dataset.keep) kept[details.open ? "delete" : "add"](details.dataset.keep);
    const element = readable(event);
    if (element && event.target.tagName === "CANVAS") element.cells.choose?.(cellAt(element, event)[0]);
  });
  document.addEventListener("keydown", walk);
  const repaint = () => {
    document.querySelectorAll("[data-paint]").forEach(paint);
    arcs();
  };
  addEventListener("resize", () => requestAnimationFrame(arcs));
  new MutationObserver((changes) => changes.forEach((change) => {
    if (change.type === "attributes") patched(change.target, change.attributeName);
    else change.addedNodes.forEach(arrive);
  })).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-z", "width", "open"],
  });
  addEventListener("DOMContentLoaded", () =>
    new MutationObserver(repaint).observe(document.body, { attributes: true, attributeFilter: ["class"] }));

  // What the js_on_load of each drawing calls: a press is shown at once, then told to the server.
  window.bertdemo.listen = (element, trigger) =>
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-token], button[data-layer], button[data-mask]");
      if (!button) return;
      press(button);
      trigger("select", { ...button.dataset });
    });
})();
