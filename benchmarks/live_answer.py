"""From a typed key to the painted answer of a fine-tuned classifier in a real browser, the pause of typing included."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.keystroke import open_page, press_keys
from benchmarks.row import Row, quantiles, skipped
from benchmarks.startup import server
from bertdemo import samples

_NAME = "key press to painted answer of a fine-tuned 6-layer classifier in Inference, idle"
_WANTED = "p50 ≤ 200 ms"
_LIMIT = 200.0
# Two animation frames after the answer has changed, the change is on the screen.
_WATCH = """
() => {
  window.painted = [];
  new MutationObserver(() => {
    const began = window.began;
    if (!began) return;
    window.began = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => window.painted.push(performance.now() - began)));
  }).observe(document.querySelector("#predict-answer .bd-answer-place"), { childList: true });
  document.querySelector("#predict-text textarea").addEventListener("keydown", () => {
    window.began = performance.now();
  });
}
"""


def answers() -> list[Row]:
    """Fine-tune the bundled model on a sample for one epoch, then type KEYS letters one by one."""
    if shutil.which("chromium") is None:
        return [skipped(_NAME, _WANTED, "no chromium")]
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as (address, _):
        checkpoint = _fine_tuned(address)
        with open_page(address) as page:
            page.goto(f"{address}/?lang=en&tab=predict&checkpoint={checkpoint}")
            page.wait_for_selector("#predict-answer .bd-truth")
            time.sleep(15)  # the next spare worker is started in the background
            times = typed(page)
    p50, p95 = quantiles(times)
    return [Row(_NAME, f"p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(times)} keys)", _WANTED, p50 <= _LIMIT)]


def _fine_tuned(address: str) -> str:
    """Return the checkpoint of a finished run of one epoch on the sample of support messages."""
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False)
    file = handle_file(str(samples.find("support_en").path))
    run = client.predict(file=file, config={"epochs": 1}, api_name="/start_run")["run_id"]
    while True:
        status = client.predict(run_id=run, api_name="/run_status")
        if status["state"] == "finished":
            return str(status["checkpoint"])
        if status["state"] in {"failed", "cancelled", "interrupted"}:
            raise RuntimeError(f"the run ended as {status['state']}: {status['message']}")
        time.sleep(1)


def typed(page: Any) -> list[float]:
    """Press KEYS keys in Inference; return the milliseconds that each takes until its answer is painted."""
    page.evaluate(_WATCH)
    page.locator("#predict-text textarea").click()
    page.keyboard.press("End")
    return press_keys(page)
