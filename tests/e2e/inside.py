"""Inside BERT as a visitor sees it: the map, the open step, what is chosen in it, and the numbers behind pictures."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Locator

from tests.e2e.visitor import Visitor

STEPS = ("what", "tokens", "specials", "embeddings", "attention", "layers", "pooling", "head", "training_step")
"""The steps that every checkpoint has, in the order of the map; `before_after` comes with a trained one."""
ATTENTION = "#inside-arcs [data-paint=attention]"
UNIT = 1 / 65535
"""The step in which the weights of a head are sent."""

_NUMBERS = """async (element) => {
  const kinds = { attention: Uint16Array, overview: Uint8Array, strip: Float32Array };
  const { paint, z } = element.dataset;
  const bytes = Uint8Array.from(atob(z), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return [...new kinds[paint](await new Response(stream).arrayBuffer())];
}"""
_BOX = "e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; }"


class Inside:
    """The tab in a visitor's page."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page

    @classmethod
    def opened(cls, visitor: Visitor, **query: str) -> Inside:
        """Open the address of the tab and wait until the map is drawn."""
        visitor.open("inside", **query)
        return cls(visitor).drawn()

    def drawn(self) -> Inside:
        """Wait until the map is there."""
        self.page.locator("#inside-map .bd-map").wait_for()
        return self

    # --- choosing ---

    def step(self, name: str) -> Inside:
        """Open a step by its block of the map."""
        self.page.locator(f"#inside-map .bd-block[data-step='{name}']").click()
        return self.on(name)

    def on(self, name: str) -> Inside:
        """Wait until a step is open, drawn, and alone to be seen."""
        self.page.locator(f"#inside-stage-{name}").wait_for()
        self.page.locator(f"#inside-drawer details[data-keep='{name}-not']").wait_for(state="attached")
        assert self.page.locator("#inside-stages > .bd-stage:visible").count() == 1
        return self

    def write(self, text: str) -> None:
        """Put a text into the box."""
        self.page.fill("#inside-text textarea", text)

    def head(self, layer: int, head: int) -> Locator:
        """Return the square of a head."""
        return self.page.locator(f"#inside-overview [data-layer='{layer}'][data-head='{head}']")

    def wait_head(self, layer: int, head: int, token: str = "") -> None:
        """Wait until arcs, bars and frame are those of a head, and of a token where one is named."""
        self.page.locator(f"{ATTENTION}[data-of='{layer}-{head}']").wait_for(state="attached")
        words = self.visitor.say("inside.attention.attends", layer=layer, head=head, token=token or "…")
        self.page.locator("#inside-side").filter(has_text=words if token else words.split("“")[0]).wait_for()
        assert self.head(layer, head).get_attribute("aria-pressed") == "true"

    def wait_tokens(self, tokens: Sequence[str]) -> None:
        """Wait until the arcs stand over exactly these tokens between [CLS] and [SEP]."""
        self.page.wait_for_function(
            """wanted => JSON.stringify([...document.querySelectorAll('#inside-arcs [data-token]')]
            .map(e => e.textContent)) === JSON.stringify(wanted)""",
            arg=["[CLS]", *tokens, "[SEP]"],
        )

    # --- reading ---

    def weights(self) -> list[list[float]]:
        """Return the rows of the head as they are shown."""
        flat = self.page.locator(ATTENTION).evaluate(_NUMBERS)
        n = int(self.page.locator(ATTENTION).get_attribute("data-n") or 0)
        assert len(flat) == n * n
        return [[value * UNIT for value in flat[i * n : (i + 1) * n]] for i in range(n)]

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of an element in the window."""
        left, top, right, bottom = self.page.locator(selector).first.evaluate(_BOX)
        return left, top, right, bottom

    def sideways(self) -> bool:
        """Say whether the page scrolls sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))
