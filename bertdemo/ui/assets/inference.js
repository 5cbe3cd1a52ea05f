// Inference: asks as one types and draws only the answer to what stands in the boxes now.
(() => {
  // Milliseconds without a key before an answer is asked for: a key that is held down repeats faster and is one
  // question, and a person does not notice it. While an answer is on its way, Gradio keeps only the newest question.
  const PAUSE = 30;
  // An answer that takes longer than this is waited for: the one before it fades, and nothing moves.
  const LATE = 350;
  // A screen reader is told the answer once one has stopped typing.
  const SAY = 1200;
  let newest = 0; // number of the newest change of a box
  let question = {}; // number and texts of the question that was sent last
  let [pause, late, say] = [0, 0, 0];
  const box = () => document.querySelector("#predict-answer");
  const place = () => document.querySelector("#predict-answer .bd-answer-place");
  const press = () => {
    const ask = document.querySelector("#predict-ask");
    (ask?.matches("button") ? ask : ask?.querySelector("button"))?.click();
  };
  const wait = (waiting) => {
    clearTimeout(late);
    late = 0;
    box()?.classList.toggle("is-late", waiting);
    place()?.setAttribute("aria-busy", String(waiting));
  };
  const changed = (after = PAUSE) => {
    newest += 1;
    clearTimeout(pause);
    pause = setTimeout(press, after);
    late ||= setTimeout(() => wait(true), LATE);
  };
  const mark = (example) => document.querySelectorAll("#predict-examples [data-example]").forEach((chip) => {
    chip.setAttribute("aria-pressed", String(chip.dataset.example === String(example)));
  });
  const tell = (said) => {
    clearTimeout(say);
    const words = place()?.querySelector(".bd-big")?.textContent || "";
    say = setTimeout(() => { if (said.textContent !== words) said.textContent = words; }, SAY);
  };
  const draw = (element, value) => {
    if (value?.again) return changed();
    // An older answer is to what is no longer in the boxes.
    if (!value?.html || value.n !== newest) return;
    const root = element.querySelector(".bd-answer-place");
    const open = new Set([...root.querySelectorAll("details[data-keep][open]")].map((fold) => fold.dataset.keep));
    root.innerHTML = value.html; // every text in it was escaped by the server
    root.querySelectorAll("details[data-keep]").forEach((fold) => { fold.open = open.has(fold.dataset.keep); });
    if (question.n === value.n) Object.assign(root.dataset, question); // what this is the answer to
    wait(false);
    mark(value.example);
    tell(element.querySelector(".bd-answer-said"));
  };
  Object.assign(window.bertdemo, {
    predictChanged: changed,
    predictNumbered(values) {
      question = { n: newest, text: values[1] ?? "", pair: values[2] ?? "" };
      return [newest, ...values.slice(1)];
    },
    predictDraw(element, props, watch) {
      watch("value", () => draw(element, props.value));
      changed(); // the tab has just been drawn
    },
    predictExamples(element, trigger) {
      element.addEventListener("click", (event) => {
        const chip = event.target.closest("[data-example]");
        if (chip) trigger("select", { example: chip.dataset.example });
      });
    },
  });
})();
