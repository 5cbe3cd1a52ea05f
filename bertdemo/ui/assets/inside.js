// Inside BERT: paints numbers that the server sent, lets mouse and keyboard read them, and shows the open step.
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
    attention(element, buffer) {
      element.weights = new Uint16Array(buffer);
      attend();
    },
  };

  // --- what is chosen: the server is told of it, and the address carries it ---

  const NAMES = ["step", "layer", "head", "token"];
  const view = { step: "attention" };
  const given = new Set(); // what somebody chose: the rest is for the server to choose
  let tell = null; // sends a press to the listener of the map
  const find = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const send = () => {
    const data = { step: view.step };
    given.forEach((name) => { data[name] = view[name]; });
    tell?.(data);
  };
  const mark = (selector, chosen) => all(selector).forEach((button) => {
    const same = chosen(button.dataset);
    button.setAttribute("aria-pressed", String(same));
    if (button.closest(GROUPS)) button.tabIndex = same ? 0 : -1;
  });
  const show = () => {
    const stages = find("#inside-stages");
    if (stages) stages.dataset.step = view.step;
    all("#inside-map .bd-block[data-step]").forEach((block) => {
      if (block.dataset.step === view.step) block.setAttribute("aria-current", "step");
      else block.removeAttribute("aria-current");
    });
    const current = find("#inside-map [aria-current]")?.closest(".bd-map-line > *");
    if (current) {
      const strip = current.parentElement;
      const past = current.offsetLeft + current.offsetWidth - strip.clientWidth;
      if (strip.scrollLeft > current.offsetLeft || strip.scrollLeft < past) strip.scrollLeft = Math.max(0, past + 24);
    }
    mark("#inside-map [data-map-layer]", (data) => Number(data.mapLayer) === view.layer);
    all("#inside-map [data-dot]").forEach((dot) => dot.toggleAttribute("data-on", dot.dataset.dot === `${view.layer}-${view.head}`));
    mark("#inside-overview [data-head]", (data) => Number(data.layer) === view.layer && Number(data.head) === view.head);
    mark("#inside-stages [data-token]", (data) => Number(data.token) === view.token);
    attend();
  };
  const write = (push) => {
    window.bertdemo.address("step", view.step, push);
    ["layer", "head", "token"].forEach((name) => window.bertdemo.address(name, view[name] ?? ""));
  };
  const choose = (change) => {
    const push = change.step !== undefined && change.step !== view.step;
    Object.entries(change).forEach(([name, value]) => {
      view[name] = value;
      if (name !== "step") given.add(name);
    });
    show();
    write(push);
    send();
  };
  // The map that the server drew says what it has chosen where nobody did.
  const adopt = (map) => {
    const fresh = { step: map.dataset.step };
    ["layer", "head", "token"].forEach((name) => { fresh[name] = Number(map.dataset[name]); });
    ["layer", "head", "token"].forEach((name) => { if (fresh[name] !== view[name]) given.delete(name); });
    served = fresh;
    Object.assign(view, fresh);
    show();
    pulse(map);
  };
  let served = {}; // what the server said last
  let read = ""; // the sentence that the last pulse was for
  const pulse = (map) => {
    const text = find("#inside-text textarea")?.value ?? "";
    if (text === read) return;
    read = text;
    map.classList.remove("pulse");
    requestAnimationFrame(() => map.classList.add("pulse"));
  };
  const steps = () => all("#inside-map .bd-block[data-step]").map((block) => block.dataset.step);
  const walkSteps = (by) => {
    const order = steps();
    const next = order[order.indexOf(view.step) + by];
    if (!next) return;
    choose({ step: next });
    if (find("#inside-map")?.contains(document.activeElement)) find(`#inside-map .bd-block[data-step="${next}"]`).focus();
  };

  // --- attention: arcs or columns, and the matrix ---

  const SVG = "http://www.w3.org/2000/svg";
  const svgElement = (name, attributes, text = "") => {
    const element = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.textContent = text;
    return element;
  };
  const tokens = () => all("#inside-arcs .bd-toks button");
  const name = (i) => tokens()[i]?.textContent ?? String(i);
  const FEW = 24; // tokens in one line
  const HEIGHT = 190; // of the arcs over that line
  const LEAST = 0.01; // a smaller weight has no arc
  const attend = () => {
    const element = find("#inside-arcs [data-paint=attention]");
    const buttons = tokens();
    // The tokens of a new text come before its weights; these are painted when they are there.
    if (!element?.weights || element.weights.length !== buttons.length ** 2) return;
    const n = buttons.length;
    const chosen = Math.max(0, buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true"));
    const row = [...element.weights.subarray(chosen * n, (chosen + 1) * n)].map((weight) => weight / 65535);
    const box = element.querySelector(".bd-arcs");
    if (box.clientWidth) {
      if (n > FEW || box.clientWidth < 22 * n) columns(box, buttons, chosen, row);
      else line(box, buttons, chosen, row);
    }
    const empty = row.every((weight) => weight < LEAST);
    const sum = row.reduce((a, b) => a + b, 0).toFixed(3);
    element.querySelector("output").textContent = empty ? element.dataset.none.replace("0.000", sum) : "";
    matrix(element, n, chosen);
  };
  const ordered = (row) => row.map((weight, i) => [weight, i]).filter(([weight]) => weight >= LEAST).sort(([a], [b]) => a - b);
  const stroke = (weight) => ({ "stroke-width": (0.6 + 7 * weight).toFixed(2), "stroke-opacity": (0.15 + 0.85 * weight).toFixed(3) });
  // All tokens on one line, made smaller until they fit; the strongest arc last, so that it lies on top.
  const line = (box, buttons, chosen, row) => {
    box.classList.remove("columns", "long");
    box.querySelector(".bd-keys-column")?.remove();
    const strip = box.querySelector(".bd-toks");
    for (const size of ["", "small", "tiny", "upright"]) {
      strip.dataset.fit = size;
      if (strip.scrollWidth <= box.clientWidth) break;
    }
    const svg = box.querySelector("svg");
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${box.clientWidth} ${HEIGHT}`);
    svg.setAttribute("width", box.clientWidth);
    svg.setAttribute("height", HEIGHT);
    const middle = (token) => token.offsetLeft + token.offsetWidth / 2;
    const from = middle(buttons[chosen]);
    let peak = null;
    ordered(row).forEach(([weight, i]) => {
      const to = middle(buttons[i]);
      const rise = Math.min(HEIGHT - 24, 34 + Math.abs(to - from) / 2.2);
      const control = HEIGHT - rise * 4 / 3;
      svg.append(svgElement("path", { ...stroke(weight), d: i === chosen
        ? `M${from - 6} ${HEIGHT} C${from - 18} ${HEIGHT - 40} ${from + 18} ${HEIGHT - 40} ${from + 6} ${HEIGHT}`
        : `M${from} ${HEIGHT} C${from} ${control} ${to} ${control} ${to} ${HEIGHT}` }));
      peak = [(from + to) / 2, i === chosen ? HEIGHT - 36 : HEIGHT - rise, weight];
    });
    if (!peak) return;
    const x = Math.min(box.clientWidth - 24, Math.max(24, peak[0]));
    svg.append(svgElement("text", { x, y: Math.max(12, peak[1] - 7), "text-anchor": "middle" }, peak[2].toFixed(3)));
  };
  // Queries on the left, keys on the right: for many tokens, and for narrow screens.
  const columns = (box, buttons, chosen, row) => {
    box.classList.add("columns");
    box.classList.toggle("long", buttons.length > FEW);
    const strip = box.querySelector(".bd-toks");
    strip.dataset.fit = "";
    box.querySelector(".bd-keys-column")?.remove();
    const keys = document.createElement("div");
    keys.className = "bd-keys-column";
    keys.setAttribute("aria-hidden", "true");
    buttons.forEach((button, i) => {
      const key = document.createElement("span");
      key.textContent = button.textContent;
      key.style.setProperty("--weight", row[i].toFixed(3));
      if (row[i] >= LEAST) key.dataset.weight = row[i].toFixed(3);
      keys.append(key);
    });
    box.append(keys);
    const svg = box.querySelector("svg");
    svg.replaceChildren();
    const [left, right] = [strip.offsetLeft + strip.offsetWidth, keys.offsetLeft];
    svg.setAttribute("viewBox", `${left} 0 ${Math.max(1, right - left)} ${strip.offsetHeight}`);
    svg.setAttribute("width", Math.max(1, right - left));
    svg.setAttribute("height", strip.offsetHeight);
    svg.style.left = `${left}px`;
    const middle = (element) => element.offsetTop - strip.offsetTop + element.offsetHeight / 2;
    const from = middle(buttons[chosen]);
    ordered(row).forEach(([weight, i]) => {
      const to = middle(keys.children[i]);
      const half = (left + right) / 2;
      svg.append(svgElement("path", { ...stroke(weight), d: `M${left} ${from} C${half} ${from} ${half} ${to} ${right} ${to}` }));
    });
  };
  const matrix = (element, n, chosen) => {
    const values = element.weights;
    const most = element.dataset.stretched ? values.reduce((a, b) => Math.max(a, b), 1) : 65535;
    const cells = element.querySelector(".cells");
    fill(element, n, n, (i) => values[i] / most);
    cells.querySelector(".row").style.cssText = `top:${(100 * chosen) / n}%;height:${100 / n}%`;
    cells.cells = {
      columns: n, rows: n,
      say: (row, column) => `${name(row)} → ${name(column)} ${(values[row * n + column] / 65535).toFixed(3)}`,
      choose: (row) => choose({ token: row }),
    };
  };

  // --- layers: the same tokens after every layer ---

  let playing = 0;
  const glide = (picture, stage) => {
    const numbers = JSON.parse(picture.dataset.places)[stage];
    picture.querySelectorAll("g[data-i]").forEach((group) => {
      const [x, y, nameX, nameY] = numbers[Number(group.dataset.i)];
      group.firstElementChild.style.transform = `translate(${x}px,${y}px)`;
      const text = group.querySelector("text");
      if (text && nameX !== undefined) text.style.transform = `translate(${nameX}px,${nameY}px)`;
    });
    picture.querySelector("input").value = stage;
    picture.querySelector(".bd-stage-name").textContent = JSON.parse(picture.dataset.says)[stage];
  };
  const play = (picture) => {
    clearInterval(playing);
    let stage = 0;
    const last = Number(picture.querySelector("input").max);
    glide(picture, stage);
    playing = setInterval(() => {
      stage += 1;
      if (stage > last || !picture.isConnected) clearInterval(playing);
      else glide(picture, stage);
    }, 900);
  };

  // --- pictures that arrive ---

  const paint = async (element) => {
    const wanted = element?.dataset.z;
    if (!wanted || !painters[element.dataset.paint]) return;
    const buffer = await inflate(wanted);
    if (element.isConnected && element.dataset.z === wanted) painters[element.dataset.paint](element, buffer);
  };
  const GROUPS = ".bd-toks, .bd-overview";
  const kept = new Set();
  const reopen = (details) => { if (!details.open && kept.has(details.dataset.keep)) details.open = true; };
  const look = (chosen) => {
    const stages = find("#inside-stages");
    if (stages) stages.dataset.look = chosen;
    all("#inside-looks [data-look]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.look === chosen)));
    attend();
  };
  const arrive = (node) => {
    if (!(node instanceof HTMLElement)) return; // arcs are SVG, and drawing them is no reason to draw them again
    const each = (selector, act) => {
      if (node.matches(selector)) act(node);
      node.querySelectorAll(selector).forEach(act);
    };
    each("[data-paint]", paint);
    each("details[data-keep]", reopen);
    each(".bd-map", adopt);
    each(".bd-looks", () => look(find("#inside-stages")?.dataset.look ?? new URLSearchParams(location.search).get("look") ?? "arcs"));
  };
  // Gradio patches a drawing where it can: then a picture has new numbers, or a canvas that was emptied.
  const patched = (element, attribute) => {
    if (attribute === "open") reopen(element);
    else if (attribute === "data-z") paint(element);
    else if (attribute === "width") { if (!element.hasAttribute("width")) paint(element.closest("[data-paint]")); }
    else if (element.matches(".bd-map") && NAMES.some((part) => String(view[part]) !== element.dataset[part])) adopt(element);
  };

  // --- reading cells ---

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
    const output = element.querySelector("output") ?? element.closest("[data-paint]")?.querySelector("output");
    if (output) output.textContent = element.cells.say(...cell);
  };
  const readable = (event) => {
    const element = event.target instanceof Element ? event.target.closest("[data-paint], .cells") : null;
    return element && element.cells ? element : null;
  };

  // --- keyboard ---

  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const typing = (target) => Boolean(target.closest?.("input, textarea, select, [contenteditable], [role=listbox], [role=tablist]"));
  const here = () => Boolean(find("#inside-stages")?.checkVisibility());
  const inGroup = (event, group, button) => {
    const step = arrows[event.key];
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
    press(buttons[at]); // an arrow selects, it does not only move the focus
  };
  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !here()) return;
    const step = arrows[event.key];
    const button = event.target.closest?.("button");
    const group = button?.closest(GROUPS);
    if (group && (step || event.key === "Home" || event.key === "End")) return inGroup(event, group, button);
    const element = readable(event);
    if (element && element === event.target) {
      const [row, column] = element.cell ?? [0, -1];
      if (step) {
        event.preventDefault();
        const clamp = (value, most) => Math.min(most - 1, Math.max(0, value));
        say(element, [clamp(row + step[0], element.cells.rows), clamp(column + step[1], element.cells.columns)]);
      } else if (event.key === "Enter" && element.cell) element.cells.choose?.(row);
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "Escape" && classroom()) setClassroom(false);
    else if (event.key === "f" || event.key === "F") setClassroom(!classroom());
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      walkSteps(event.key === "ArrowLeft" ? -1 : 1);
    }
  };
  const classroom = () => find("#tab-inside")?.dataset.classroom === "1";
  const setClassroom = (on) => {
    const tab = find("#tab-inside");
    if (!tab) return;
    tab.dataset.classroom = on ? "1" : "";
    [find("#header"), find("#tabs > .tab-wrapper")].forEach((part) => { if (part) part.style.display = on ? "none" : ""; });
    find(".gradio-container")?.style.setProperty("max-width", on ? "100vw" : "", on ? "important" : "");
    all("[data-classroom][aria-pressed]").forEach((button) => button.setAttribute("aria-pressed", String(on)));
    requestAnimationFrame(attend);
  };

  // --- presses ---

  const press = (button) => {
    const { step, token, layer, head, mapLayer, mask, example } = button.dataset;
    if (example !== undefined) { given.clear(); Object.assign(view, served); show(); tell?.({ example }); }
    else if (mask !== undefined) {
      mark("#inside-head [data-mask]", (data) => data.mask === mask);
      tell?.({ mask: Number(mask) });
    } else if (mapLayer !== undefined) choose({ step, layer: Number(mapLayer) });
    else if (step !== undefined) choose({ step });
    else if (token !== undefined) choose({ token: Number(token) });
    else if (layer !== undefined) choose({ layer: Number(layer), head: Number(head) });
  };
  const copyText = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const code = button.parentElement.querySelector("pre");
      if (code) getSelection().selectAllChildren(code); // no permission: leave it selected
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
    const target = event.target;
    if (!(target instanceof Element)) return;
    const pressed = target.closest("button");
    if (pressed?.matches("[data-copy]")) copyText(pressed.parentElement.querySelector("pre").textContent, pressed);
    else if (pressed?.matches("[data-link]")) { write(false); copyText(location.href, pressed); }
    else if (pressed?.matches("[data-classroom]")) setClassroom(!classroom());
    else if (pressed?.matches("[data-look]")) { look(pressed.dataset.look); window.bertdemo.address("look", pressed.dataset.look === "arcs" ? "" : pressed.dataset.look); }
    else if (pressed?.matches("[data-play]")) play(pressed.closest(".bd-moving"));
    else if (pressed?.closest("#tab-inside") && pressed.matches("[data-step], [data-token], [data-head], [data-mask], [data-example]")) press(pressed);
    const details = target.closest("summary")?.parentElement; // a click: it will be the other way round
    if (details?.dataset.keep) {
      // Of the panels of one drawer one is open: the browser closes the others, which must not be opened again.
      if (details.name) all(`details[name="${details.name}"]`).forEach((other) => kept.delete(other.dataset.keep));
      kept[details.open ? "delete" : "add"](details.dataset.keep);
    }
    const element = readable(event);
    if (element && target.tagName === "CANVAS") element.cells.choose?.(cellAt(element, event)[0]);
  });
  document.addEventListener("input", (event) => {
    const picture = event.target.closest?.(".bd-moving");
    if (!picture) return;
    clearInterval(playing);
    glide(picture, Number(event.target.value));
  });
  document.addEventListener("keydown", keys);
  addEventListener("bertdemo:back", (event) => {
    NAMES.forEach((part) => {
      const value = event.detail.get(part);
      if (part === "step") view.step = value ?? "attention";
      else if (value !== null) { view[part] = Number(value); given.add(part); }
    });
    show();
    send();
  });
  const repaint = () => all("[data-paint]").forEach(paint);
  addEventListener("resize", () => requestAnimationFrame(attend));
  // A stage that was hidden has no width: it is drawn when it is seen.
  const seen = new ResizeObserver(() => requestAnimationFrame(attend));
  new MutationObserver((changes) => changes.forEach((change) => {
    if (change.type === "attributes") patched(change.target, change.attributeName);
    else change.addedNodes.forEach(arrive);
  })).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true,
    attributeFilter: ["data-z", "width", "open", "data-layer", "data-head", "data-token", "data-step"],
  });
  addEventListener("DOMContentLoaded", () =>
    new MutationObserver(repaint).observe(document.body, { attributes: true, attributeFilter: ["class"] }));

  // What the js_on_load of the map calls: every press in the tab goes to its listener.
  window.bertdemo.inside = (element, trigger) => {
    tell = (data) => trigger("select", data);
    show();
    const stages = find("#inside-stages");
    if (stages) seen.observe(stages);
  };
})();
