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
  const address = () => new URL(location.href);
  const starters = () => document.querySelectorAll("#train-start, #train-keep, #train-again, #train-smaller");
  let [pressed, lost] = [null, 0]; // the button that had the keyboard's focus when it was disabled; a timer
  const release = () => {
    clearTimeout(lost);
    starters().forEach((button) => { button.disabled = false; });
    if (document.activeElement === document.body) pressed?.focus({ preventScroll: true });
  };
  window.bertdemo = {
    titles: {},
    address(name, value) {
      if (!opened) return; // Gradio selects its first tab before the load listener has read the address
      const url = address();
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
      history.replaceState(history.state, "", url);
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
      window.bertdemo.address("run", run.run);
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
