// The page's own few lines: the address keeps the view, Back goes back, a Chinese page does not flash in English.
(() => {
  const root = document.documentElement;
  // In the frame of another site a browser may forbid storage: then every access raises, which ends the drawing of the
  // page. What would be stored (the owner key, the run, the language) is kept for this visit in its place.
  const stores = () => {
    try {
      return Boolean(window.localStorage);
    } catch {
      return false;
    }
  };
  const unstored = !stores();
  if (unstored) {
    const kept = new Map();
    const storage = {
      getItem: (name) => kept.get(String(name)) ?? null,
      setItem: (name, value) => { kept.set(String(name), String(value)); },
      removeItem: (name) => { kept.delete(String(name)); },
    };
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, { configurable: true, value: storage });
    }
  }
  // What a person should know then, below the header, with a link that leaves the frame.
  const tellUnstored = (lang) => {
    const header = document.querySelector("#header");
    if (!unstored || !header) return;
    document.querySelector("#bd-unstored")?.remove();
    const box = Object.assign(document.createElement("div"), { id: "bd-unstored", className: "bd" });
    const place = Object.assign(document.createElement("p"), { className: "bd-banner" });
    place.setAttribute("role", "note");
    box.append(place);
    header.after(box);
    const words = window.bertdemo.unstored[lang];
    place.textContent = `${words.told} `;
    if (window.parent === window) return;
    place.append(Object.assign(document.createElement("a"), {
      href: location.href, target: "_blank", rel: "noopener", textContent: words.open,
    }));
  };
  const asked = new URLSearchParams(location.search).get("lang") || navigator.language || "en";
  const reveal = () => root.classList.remove("bd-waiting");
  if (/^(zh|cmn|yue)/i.test(asked)) {
    root.classList.add("bd-waiting");
    setTimeout(reveal, 4000);
  }
  let opened = false;
  let chosen = ""; // the language that a person has picked on this page
  let early = ""; // the tab that a person has opened before the load listener has answered
  document.addEventListener("click", (event) => {
    const button = event.isTrusted && !opened && event.target.closest?.("#tabs [role=tab]");
    if (button) early = button.id.replace(/^tab-|-button$/g, "");
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.closest && event.target.closest("#language")) chosen = event.target.value;
  }, true);
  // A slow server answers the first request after a person has picked a language: that answer draws everything in the
  // language of the request and sets the control back, so the person's choice is made once more.
  const again = (tries) => {
    const control = document.querySelector(`#language input[value="${chosen}"]`);
    if (control && !control.checked) control.click();
    else if (tries > 0) setTimeout(() => again(tries - 1), 50);
  };
  const address = () => new URL(location.href);
  // Tab and place inside the model are restored by the page itself; everything else (a run, a text, a checkpoint, the
  // language) is what the server draws from, so the page is loaded again for it.
  const PLACES = ["tab", "step", "layer", "head", "token"];
  const FIRST_TAB = "tokens";
  let shown = address().searchParams; // the view that is on the page
  const without = (params, names) => {
    const rest = new URLSearchParams(params);
    names.forEach((name) => rest.delete(name));
    rest.sort();
    return rest.toString();
  };
  const open = (tab) => {
    const button = document.getElementById(`tab-${tab || FIRST_TAB}-button`);
    if (button?.getAttribute("aria-selected") === "false") button.click();
  };
  window.addEventListener("popstate", () => {
    const [before, now] = [shown, address().searchParams];
    if (without(before, PLACES) !== without(now, PLACES)) return location.reload();
    shown = now;
    open(now.get("tab"));
    window.dispatchEvent(new CustomEvent("bertdemo:back", { detail: now }));
  });
  const starters = () => document.querySelectorAll("#train-start, #train-keep, #train-again, #train-smaller, #study-go");
  let [pressed, lost] = [null, 0]; // the button that had the keyboard's focus when it was disabled; a timer
  const release = () => {
    clearTimeout(lost);
    starters().forEach((button) => { button.disabled = false; });
    if (document.activeElement === document.body) pressed?.focus({ preventScroll: true });
  };
  const DONE_MS = 8000; // how long a person who looks at the page reads in its title that a run has ended
  let runTitle = ""; // what a run has put into the title of the page
  const shownLang = () => (root.lang.startsWith("zh") ? "zh" : "en");
  const whenSeen = (act) => {
    if (!document.hidden) return act();
    document.addEventListener("visibilitychange", act, { once: true });
  };
  window.bertdemo = {
    titles: {},
    unstored: {},
    // Set what the address says of the view, or take it out. With `push`, Back returns to the view before.
    address(name, value, push = false) {
      if (!opened) return; // Gradio selects its first tab before the load listener has read the address
      const [url, text] = [address(), String(value ?? "")];
      if ((url.searchParams.get(name) ?? "") === text) return;
      if (text) url.searchParams.set(name, text);
      else url.searchParams.delete(name);
      history[push ? "pushState" : "replaceState"](history.state, "", url);
      shown = url.searchParams;
    },
    // A tab that was opened, by a person or by a button that leads to it.
    tab(name) {
      const first = name === FIRST_TAB && !address().searchParams.has("tab");
      if (!first) window.bertdemo.address("tab", name, true);
    },
    // Open Inside BERT at a step, by its block of the map, which is there once the tab was drawn.
    step(name) {
      const block = () => document.querySelector(`#inside-map [data-step="${name}"]`);
      const press = () => {
        block()?.click();
        return block() !== null;
      };
      if (press()) return;
      const watch = new MutationObserver(() => press() && watch.disconnect());
      watch.observe(document.body, { childList: true, subtree: true });
      setTimeout(() => watch.disconnect(), 30000);
    },
    // A press that starts a run: none of the buttons that do can be pressed until the server has answered this one.
    starting(...values) {
      pressed = document.activeElement;
      starters().forEach((button) => { button.disabled = true; });
      lost = setTimeout(release, 10000); // the connection may be gone: then no answer ever comes
      return values;
    },
    // The answer: a run that began is brought into view, a refusal stands beside the button that was pressed.
    started(run, trouble) {
      release();
      if (trouble || !run?.run || run.run === address().searchParams.get("run")) return;
      window.bertdemo.address("run", run.run, true);
      window.bertdemo.address("study", "");
      document.querySelector("#train-training").scrollIntoView({ block: "start" });
    },
    // The same for a study, which is several runs.
    studying(run) {
      release();
      if (!run?.study || run.study === address().searchParams.get("study")) return;
      window.bertdemo.address("study", run.study, true);
      for (const name of ["run", "sample"]) window.bertdemo.address(name, "");
      document.querySelector("#train-training").scrollIntoView({ block: "start" });
    },
    download(file) {
      if (!file || !file.url) return;
      const link = document.createElement("a");
      link.href = file.url;
      link.download = file.orig_name || "";
      document.body.append(link);
      link.click();
      link.remove();
    },
    // How far a run is stands in the title of the page, where a person in another window sees it: the drawing says the
    // words. Once the run has ended they stay until the page is looked at, then the title is what it was.
    follow(element, watch) {
      let running = "";
      const say = (words) => {
        runTitle = words;
        document.title = words || window.bertdemo.titles[shownLang()] || document.title;
      };
      const tell = () => {
        const place = element.querySelector("[data-page-title]");
        const ended = place?.hasAttribute("data-ended");
        if (!place || (ended && running !== place.dataset.pageRun)) {
          if (running) say(""); // another run, or none, is shown in its place
          running = "";
          return;
        }
        say(place.dataset.pageTitle);
        running = ended ? "" : place.dataset.pageRun;
        if (ended) setTimeout(() => whenSeen(() => say("")), DONE_MS);
      };
      tell();
      watch("value", () => requestAnimationFrame(tell));
    },
    // Put the keyboard's focus on the first of these that is seen, once what was just answered has been drawn.
    focusOn(selector) {
      requestAnimationFrame(() => requestAnimationFrame(() => {
        [...document.querySelectorAll(selector)].find((element) => element.checkVisibility())?.focus();
      }));
    },
    speak(lang) {
      root.lang = lang === "zh" ? "zh-Hans" : "en";
      root.dataset.drawn = lang; // the first answer has come, or that to a new language
      document.title = runTitle || window.bertdemo.titles[lang] || document.title;
      tellUnstored(lang);
      opened = true;
      reveal();
    },
    arrived(lang) {
      window.bertdemo.speak(lang);
      if (chosen && chosen !== lang) again(40);
      if (early) {
        open(early);
        window.bertdemo.tab(early);
      }
    },
    changed(lang) {
      window.bertdemo.speak(chosen || lang);
      window.bertdemo.address("lang", chosen || lang);
    },
  };
})();
