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
  let chosen = ""; // the language that a person has picked on this page
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
    arrived(lang) {
      window.bertdemo.speak(lang);
      if (chosen && chosen !== lang) again(40);
    },
    changed(lang) {
      window.bertdemo.speak(chosen || lang);
      window.bertdemo.address("lang", chosen || lang);
    },
  };
})();
