"""Inside BERT as a visitor sees it: its steps, what is chosen in them, and the numbers behind the painted pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Locator, Request

from tests.e2e.visitor import Visitor

STEPS = ("tokens", "specials", "embeddings", "attention", "layers", "pooling", "head", "training_step")
"""The steps that every checkpoint has; `before_after` comes with a trained one."""
TOKENS = "#inside-tokens [data-token]"
MATRIX = "#inside-matrix [data-paint=matrix]"
CHOSEN_HEAD = "#inside-overview [data-layer][aria-pressed=true]"
ASKED = "/run/predict"
"""In the address of every question to the server that is not queued."""
UNIT = 1 / 65535
"""The step in which the weights of a matrix are sent."""

_SETTLED = """(wanted) => JSON.stringify(
  [...document.querySelectorAll('#inside-tokens [data-token]')].map((e) => e.textContent)) === JSON.stringify(wanted)"""
# What the server drew of a place; what the page painted into it, and what it marked, is left out.
_SIGHT = """place => {
  const copy = document.querySelector(place)?.cloneNode(true);
  copy?.querySelectorAll('canvas, output, .bd-arcs svg').forEach((e) => e.remove());
  copy?.querySelectorAll('button').forEach((e) => ['tabindex', 'aria-pressed'].forEach((n) => e.removeAttribute(n)));
  return copy && [...copy.querySelectorAll('.bd')].map((e) => e.outerHTML).join('');  // without Gradio's progress
}"""
_DRAWN = f"places => Object.fromEntries(places.map((place) => [place, ({_SIGHT})(place)]))"
_CHANGED = f"was => Object.entries(was).every(([place, html]) => ({_SIGHT})(place) !== html)"
_NUMBERS = """async (element) => {
  const kinds = { matrix: Uint16Array, overview: Uint8Array, strip: Float32Array };
  const { paint, z, kind } = element.dataset;
  const bytes = Uint8Array.from(atob(z), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const Kind = kinds[paint] ?? (kind === "signed" ? Int8Array : Uint8Array);
  return [...new Kind(await new Response(stream).arrayBuffer())];
}"""
_BLANK = """() => [...document.querySelectorAll(
  '#tab-inside :is([data-paint], [data-token], [data-layer], [data-mask], table, .bd-points, .bd-curve, .bd-code)')]
  .filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 120))"""


class Inside:
    """The tab in a visitor's page."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page

    # --- coming ---

    @classmethod
    def opened(cls, visitor: Visitor, **query: str) -> Inside:
        """Open the address of the tab and wait until it is drawn and every question of the page is answered."""
        waiting: set[Request] = set()
        visitor.page.on("request", lambda request: waiting.add(request) if ASKED in request.url else None)

        def answered(request: Request) -> None:  # Playwright writes on what it calls, so set.discard will not do
            waiting.discard(request)

        visitor.page.on("requestfinished", answered)
        visitor.page.on("requestfailed", answered)
        visitor.open("inside", **query)
        inside = cls(visitor).drawn()
        while waiting:
            visitor.page.wait_for_timeout(20)
        return inside

    def drawn(self) -> Inside:
        """Wait until tokens are there."""
        self.page.locator(TOKENS).first.wait_for()
        return self

    def unfold(self, *steps: str) -> Inside:
        """Open steps; all of them where none is named."""
        for step in steps or STEPS:
            if not self.is_open(step):
                self.bar(step).click()
            self.page.locator(f"#inside-caption-{step}").wait_for()
        return self

    def bar(self, step: str) -> Locator:
        """Return the button that opens a step."""
        return self.page.locator(f"#inside-step-{step} > button").first

    def is_open(self, step: str) -> bool:
        """Say whether what belongs to a step can be seen."""
        return self.page.locator(f"#inside-caption-{step}").is_visible()

    # --- choosing ---

    def write(self, text: str) -> None:
        """Put a text into the box."""
        self.page.fill("#inside-text textarea", text)

    def token(self, position: int) -> Locator:
        """Return the button of a token in the first step."""
        return self.page.locator(f"#inside-tokens [data-token='{position}']")

    def head(self, layer: int, head: int) -> Locator:
        """Return the button of a head in the overview."""
        return self.page.locator(f"#inside-overview [data-layer='{layer}'][data-head='{head}']")

    def choose_head(self, layer: int, head: int) -> None:
        """Choose a head and wait for its matrix."""
        self.head(layer, head).click()
        self.wait_head(layer, head)

    def wait_head(self, layer: int, head: int) -> None:
        """Wait until the matrix of a head is drawn and the numbers beside it are its own."""
        label = self.visitor.say("inside.attention.head", layer=layer, head=head)
        self.page.locator("#inside-numbers h2").filter(has_text=label).wait_for()
        n = self.page.locator(MATRIX).get_attribute("data-n")
        said = self.visitor.say("inside.attention.matrix", layer=layer, head=head, n=n)
        self.page.locator(f"#inside-matrix [role=img][aria-label='{said}']").wait_for()

    def checkpoint(self, name: str) -> None:
        """Choose a checkpoint by a part of its name."""
        self.page.click("#inside-checkpoint input")
        self.page.get_by_role("option").filter(has_text=name).first.click()

    # --- reading ---

    def pieces(self) -> list[str]:
        """Return the tokens of the first step."""
        return self.page.locator(TOKENS).all_inner_texts()

    def wait_pieces(self, pieces: Sequence[str]) -> None:
        """Wait until the first step shows exactly these between [CLS] and [SEP]."""
        self.page.wait_for_function(_SETTLED, arg=["[CLS]", *pieces, "[SEP]"])

    def ids(self) -> list[int]:
        """Return the ids under the tokens."""
        found: list[int] = self.page.locator(TOKENS).evaluate_all("all => all.map((e) => Number(e.dataset.id))")
        return found

    @contextmanager
    def changing(self, *places: str) -> Iterator[None]:
        """Wait at the end until each of these places is drawn anew."""
        was = self.page.evaluate(_DRAWN, list(places))
        assert None not in was.values(), was
        yield
        self.page.wait_for_function(_CHANGED, arg=was)

    def numbers(self, picture: str) -> list[float]:
        """Return the numbers that a picture is painted from."""
        found: list[float] = self.page.locator(picture).first.evaluate(_NUMBERS)
        return found

    def weights(self) -> list[list[float]]:
        """Return the rows of the matrix as it is shown."""
        flat = self.numbers(MATRIX)
        n = int(self.page.locator(MATRIX).get_attribute("data-n") or 0)
        assert len(flat) == n * n
        return [[value * UNIT for value in flat[i * n : (i + 1) * n]] for i in range(n)]

    def readout(self, place: str) -> str:
        """Return what a picture says of the cell under the pointer or the keyboard's mark."""
        return self.page.locator(f"{place} output").first.inner_text()

    def drawings(self) -> list[str]:
        """Return what is drawn of a model anywhere in the tab."""
        found: list[str] = self.page.evaluate(_BLANK)
        return found
