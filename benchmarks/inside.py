"""Inside BERT in the browser: another head at 128 tokens, and 512 tokens of a 12 by 12 model."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.row import Row
from tests.e2e.inside import Inside
from tests.e2e.server import Server
from tests.e2e.visitor import Visitor, options
from tests.tiny import tiny_vocabulary, write_tokenizer

_PRESSES = 40
_LONG_PRESSES = 12
_TEXT = "the violin stayed in its case because it was out of tune and " * 12
_PAINTED = """([layer, head]) => new Promise((done) => {
  const start = performance.now();
  document.querySelector(`#inside-overview [data-layer="${layer}"][data-head="${head}"]`).click();
  const look = () => {
    const picture = document.querySelector('#inside-arcs [data-paint=attention]');
    if (picture.dataset.of !== `${layer}-${head}` || !picture.querySelector('canvas').hasAttribute('width'))
      return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
  };
  look();
})"""
_FOLLOWED = """(token) => new Promise((done) => {
  const start = performance.now();
  const side = () => document.querySelector('#inside-side').innerHTML;
  const before = side();
  document.querySelector(`#inside-arcs [data-token="${token}"]`).click();
  const look = () => {
    if (side() === before) return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
  };
  look();
})"""
_LONGEST = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => {
    window.longest = Math.max(window.longest, one.duration);
  })).observe({ type: 'longtask' });
}"""


def measure() -> list[Row]:
    """Return the rows."""
    with tempfile.TemporaryDirectory(prefix="bertdemo-bench-") as place, sync_playwright() as playwright:
        server = Server(Path(place) / "home", _deep(Path(place) / "deep"))
        server.start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            page = browser.new_context(**options()).new_page()
            return [*_switching(Visitor(page, server.url)), *_long(Visitor(page, server.url))]
        finally:
            browser.close()
            server.close()


def _switching(visitor: Visitor) -> list[Row]:
    Inside.opened(visitor, text=" ".join(_TEXT.split()[:126])).on("attention")
    sent: list[int] = []
    visitor.page.on(
        "requestfinished",
        lambda request: sent.append(request.sizes()["responseBodySize"]) if "gradio_api" in request.url else None,
    )
    times = [float(visitor.page.evaluate(_PAINTED, [1 + i % 6, 1 + (i * 5 + 1) % 12])) for i in range(_PRESSES)]
    tokens = visitor.page.locator("#inside-arcs [data-token]").count()
    p50, most = statistics.median(times), max(sent) / 1024
    return [
        Row(f"Inside BERT: another head at {tokens} tokens, until painted, p50", f"{p50:.0f} ms", "300 ms", p50 <= 300),
        Row("bytes received for it, largest of 40", f"{most:.0f} KB", "64 KB", most <= 64),
    ]


def _long(visitor: Visitor) -> list[Row]:
    inside = Inside.opened(visitor, checkpoint="local:deep", text="good film").on("attention")
    visitor.page.evaluate(_LONGEST)
    inside.write("good film " * 300)
    visitor.page.locator("#inside-arcs [data-n='512']").wait_for(state="attached")
    inside.head(12, 12).click()
    inside.wait_head(12, 12)
    heads = [_timed(visitor, _PAINTED, [1 + i % 11, 1 + (i * 5) % 12]) for i in range(_LONG_PRESSES)]
    tokens = [_timed(visitor, _FOLLOWED, 1 + (i * 37 + 20) % 500) for i in range(_LONG_PRESSES)]
    longest = float(visitor.page.evaluate("window.longest")) / 1000
    nodes = int(visitor.page.evaluate("document.querySelectorAll('#tab-inside *').length"))
    return [
        Row("512 tokens, 12 layers of 12 heads: longest task in the page", f"{longest:.2f} s", "1 s", longest <= 1),
        *(
            Row(
                f"the same: {what}, until painted, p50",
                f"{statistics.median(times):.0f} ms",
                "1 s",
                statistics.median(times) <= 1_000,
            )
            for what, times in (("another head", heads), ("another token", tokens))
        ),
        Row("elements in the tab then", f"{nodes:,}", "3,000", nodes <= 3_000),
    ]


def _timed(visitor: Visitor, script: str, argument: object) -> float:
    return float(visitor.page.evaluate(script, argument))


def _deep(folder: Path) -> Path:
    """Write a random BERT of 12 layers and 12 heads, narrow, that reads 512 positions."""
    import torch
    from transformers import BertConfig, BertModel

    tokens = tiny_vocabulary()
    config = BertConfig(
        vocab_size=len(tokens), hidden_size=48, num_hidden_layers=12, num_attention_heads=12, intermediate_size=96
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    write_tokenizer(folder, tokens)
    return folder
