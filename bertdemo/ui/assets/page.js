// The page's own few lines: the address keeps tab and language, and a Chinese page does not flash in English.
(() => {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get("lang") || navigator.language || "en";
  const reveal = () => root.classList.remove("bd-waiting");
  if (/^(zh|cmn|yue)/i.test(asked)) {
    root.classList.add("bd-waiting");
    setTimeout(reveal, 4000);
  }
  let opened = false;
  window.bertdemo = {
    titles: {},
    address(name, value) {
      if (!opened) return; // Gradio selects its first tab before the load listener has read the address
      const url = new URL(location.href);
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
      history.replaceState(history.state, "", url);
    },
    press(id, tries = 20) {
      // A hidden download button gets its file a moment after the listener that made it.
      const link = document.querySelector(`a#${id}[href], #${id} a[href]`);
      if (link) link.click();
      else if (tries > 0) setTimeout(() => window.bertdemo.press(id, tries - 1), 150);
    },
    speak(lang) {
      root.lang = lang === "zh" ? "zh-Hans" : "en";
      document.title = window.bertdemo.titles[lang] || document.title;
      opened = true;
      reveal();
    },
  };
})();
