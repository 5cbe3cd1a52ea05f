// Fine-tune: presses in its drawings, pasted rows, tiles that fold on a phone, and points that glide.
(() => {
  const phone = () => matchMedia("(max-width: 760px)").matches;
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const PRESSES = "[data-sample], [data-step], [data-label], [data-all-rows], [data-reading], [data-use], [data-undo]";
  // On a phone the tiles are lines, and only the checks are open.
  const fold = (element) => {
    if (!phone()) return;
    element.querySelectorAll("[data-tile]").forEach((tile) => { tile.open = tile.dataset.tile === "checks"; });
  };
  const search = (event) => {
    if (!event.target.matches(".bd-search")) return;
    const words = event.target.value.trim().toLowerCase();
    event.target.parentElement.querySelectorAll("[data-label]").forEach((row) => {
      row.hidden = !row.dataset.label.toLowerCase().includes(words);
    });
  };
  // The listeners are set once for an element; what stands in it is drawn anew.
  const trainPresses = (element, trigger, watch) => {
    element.addEventListener("input", search);
    element.addEventListener("click", (event) => {
      const button = event.target.closest(PRESSES);
      if (button) trigger("select", { ...button.dataset });
    });
    fold(element);
    watch("value", () => requestAnimationFrame(() => fold(element)));
  };
  // The address names the sample that is shown, so that it can be linked and left by Back.
  const trainLink = (element, watch) => watch("value", () => requestAnimationFrame(() => {
    const sample = element.querySelector(".bd-train-cards")?.dataset.ofSample;
    // A run that was just started has its own entry of the history, from which the sample is only taken out.
    const started = new URLSearchParams(location.search).has("run");
    if (sample !== undefined) window.bertdemo.address("sample", sample, sample !== "" || !started);
  }));
  const read = (element, event) => {
    const place = element.querySelector(".bd-cls-map-read");
    if (place) place.textContent = event.target.dataset?.read || place.dataset.hint;
  };
  const play = (element) => {
    const map = element.querySelector(".bd-cls-map");
    if (!map) return;
    const set = (after) => {
      map.classList.toggle("after", after);
      element.querySelector(".bd-cls-map-head")?.classList.toggle("is-after", after);
    };
    if (still()) return set(!map.classList.contains("after"));
    map.classList.add("jump");
    set(false);
    map.getBoundingClientRect(); // the points are at their first places before they begin to move
    map.classList.remove("jump");
    setTimeout(() => set(true), 400);
  };
  const glide = (element, watch) => {
    element.addEventListener("click", (event) => { if (event.target.closest("[data-replay]")) play(element); });
    for (const name of ["mouseover", "focusin"]) element.addEventListener(name, (event) => read(element, event));
    play(element);
    watch("value", () => requestAnimationFrame(() => play(element)));
  };
  // Scroll until the end of a section that was opened is above the bar, or its beginning is at the top of the window.
  const intoSight = (place) => {
    const bar = document.querySelector("#train-bar");
    if (!bar || !place.isConnected) return; // its stage was left meanwhile
    const [box, edge] = [place.getBoundingClientRect(), bar.getBoundingClientRect().top];
    const hidden = box.bottom + 16 - edge;
    if (hidden > 0) window.scrollBy({ top: Math.min(hidden, box.top), behavior: still() ? "auto" : "smooth" });
  };
  // Its controls are drawn a little after the answer, so what grows within a second is followed.
  const inSight = (selector) => {
    const place = document.querySelector(selector);
    if (!place) return;
    const growing = new ResizeObserver(() => intoSight(place));
    growing.observe(place);
    setTimeout(() => growing.disconnect(), 1000);
  };
  const field = () => document.querySelector("#train-paste textarea");
  // Pasted rows are read at once. Where nothing is being typed, the page itself takes what is pasted.
  document.addEventListener("paste", (event) => {
    const place = field();
    if (!place?.checkVisibility()) return;
    const inPlace = event.target === place;
    if (!inPlace && event.target.closest?.("input, textarea, [contenteditable]")) return;
    const text = event.clipboardData?.getData("text/plain") || "";
    if (!text.includes("\n")) return;
    if (!inPlace) {
      place.value = text;
      place.dispatchEvent(new Event("input", { bubbles: true }));
    }
    setTimeout(() => document.querySelector("button#train-use-paste, #train-use-paste button")?.click(), 100);
  });
  // Folded parts of a drawing stay open while it is drawn anew.
  const open = new Set();
  document.addEventListener("toggle", (event) => {
    const name = event.target.dataset?.keep;
    if (!name || !event.target.closest("#train-panel")) return;
    if (event.target.open) open.add(name);
    else if (event.target.isConnected) open.delete(name);
  }, true);
  new MutationObserver(() => {
    if (!open.size) return;
    document.querySelectorAll("#train-panel details[data-keep]:not([open])").forEach((fold) => {
      if (open.has(fold.dataset.keep)) fold.open = true;
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
  Object.assign(window.bertdemo, { trainLink, trainPresses, glide, inSight });
})();
