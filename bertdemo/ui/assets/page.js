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
    download(file) {
      if (!file || !file.url) return;
      const link = document.createElement("a");
      link.href = file.url;
      link.download = file.orig_name || "";
      document.body.append(link);
      link.click();
      link.remove();
    },
    speak(lang) {
      root.lang = lang === "zh" ? "zh-Hans" : "en";
      document.title = window.bertdemo.titles[lang] || document.title;
      opened = true;
      reveal();
    },
  };
})();
