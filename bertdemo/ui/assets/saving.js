// Saves a drawing as SVG or PNG. A drawing is HTML, SVG or both: boxes, lines and words become elements of one SVG,
// with the colors that they have on the page.
(() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity",
    "font-family", "font-size", "font-weight", "text-anchor"];
  const ROOM = 12; // pixels around the drawing
  const SCALE = 2; // pixels of the PNG for one of the page, so that it stays sharp on a slide
  const make = (name, attributes, text) => {
    const element = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const clear = (color) => !color || color === "transparent" || /^rgba\(.*,\s*0\)$/.test(color);
  const inlined = (svg, at) => {
    const copy = svg.cloneNode(true);
    copy.querySelectorAll(".cursor").forEach((mark) => mark.remove());
    const sources = [...svg.querySelectorAll("*")].filter((element) => !element.matches(".cursor"));
    [...copy.querySelectorAll("*")].forEach((element, i) => {
      const style = getComputedStyle(sources[i]);
      for (const name of STYLES) element.setAttribute(name, style.getPropertyValue(name));
      element.removeAttribute("class");
    });
    for (const name of ["class", "style"]) copy.removeAttribute(name);
    for (const [name, value] of Object.entries({ ...at, overflow: "visible" })) copy.setAttribute(name, value);
    return copy;
  };
  const lines = (style, box) => [["Top", box.y], ["Left", null]].flatMap(([side, y]) => {
    const width = parseFloat(style[`border${side}Width`]);
    const kind = style[`border${side}Style`];
    if (!width || kind === "none" || clear(style[`border${side}Color`])) return [];
    const ends = side === "Top"
      ? { x1: box.x, x2: box.x + box.width, y1: y + width / 2, y2: y + width / 2 }
      : { x1: box.x + width / 2, x2: box.x + width / 2, y1: box.y, y2: box.y + box.height };
    const dashes = kind === "dashed" ? { "stroke-dasharray": `${2 * width} ${2 * width}` } : {};
    return [make("line", { ...ends, ...dashes, stroke: style[`border${side}Color`], "stroke-width": width })];
  });
  const boxes = (element, style, box) => {
    const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.width / 2, box.height / 2);
    const ring = parseFloat(style.borderTopWidth) && parseFloat(style.borderBottomWidth);
    const place = { x: box.x, y: box.y, width: box.width, height: box.height, rx: radius };
    const drawn = clear(style.backgroundColor) ? [] : [make("rect", { ...place, fill: style.backgroundColor })];
    if (!ring) return [...drawn, ...lines(style, box)];
    return [...drawn, make("rect", { ...place, fill: "none", stroke: style.borderTopColor, "stroke-width": ring })];
  };
  const words = (node, style, from) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (!box.width) return [];
    const size = parseFloat(style.fontSize);
    const at = { x: box.x - from.x, y: box.y - from.y + box.height / 2 + 0.35 * size, fill: style.color };
    return [make("text", { ...at, "font-size": size, "font-family": style.fontFamily, "font-weight": style.fontWeight },
      node.data.trim())];
  };
  const walk = (element, from) => {
    const style = getComputedStyle(element);
    const rect = element.getBoundingClientRect();
    if (style.display === "none" || style.visibility === "hidden" || element.tagName === "OUTPUT") return [];
    const box = { x: rect.x - from.x, y: rect.y - from.y, width: rect.width, height: rect.height };
    if (element.tagName.toLowerCase() === "svg") return [inlined(element, box)];
    const own = boxes(element, style, box);
    return [...own, ...[...element.childNodes].flatMap((node) => {
      if (node.nodeType === Node.TEXT_NODE) return node.data.trim() ? words(node, style, from) : [];
      return node.nodeType === Node.ELEMENT_NODE ? walk(node, from) : [];
    })];
  };
  const drawingOf = (element) => {
    const rect = element.getBoundingClientRect();
    const from = { x: rect.x - ROOM, y: rect.y - ROOM };
    const [width, height] = [rect.width + 2 * ROOM, rect.height + 2 * ROOM].map(Math.ceil);
    const svg = make("svg", { xmlns: NAMESPACE, width, height, viewBox: `0 0 ${width} ${height}` });
    const paper = getComputedStyle(document.documentElement).getPropertyValue("--bd-paper");
    const here = getComputedStyle(element).getPropertyValue("--bd-paper") || paper;
    svg.append(make("rect", { width, height, fill: here.trim() || "white" }), ...walk(element, from));
    return { text: new XMLSerializer().serializeToString(svg), width, height };
  };
  const hand = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };
  const painted = ({ text, width, height }) => new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: SCALE * width, height: SCALE * height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(done, "image/png");
    };
    image.onerror = failed;
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-save]");
    if (!button) return;
    const figure = button.closest("[data-picture]");
    const drawing = drawingOf(figure.querySelector("[data-drawing]"));
    const name = `bertdemo-${figure.dataset.picture}.${button.dataset.save}`;
    if (button.dataset.save === "svg") hand(new Blob([drawing.text], { type: "image/svg+xml" }), name);
    else hand(await painted(drawing), name);
  });
})();
