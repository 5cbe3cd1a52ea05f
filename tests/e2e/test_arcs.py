"""The arcs of a head: the strongest one ends where it can be seen, or its end is named."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import Visit
from tests.e2e.inside import Inside
from tests.e2e.visitor import Visitor

STRONGEST = """() => {
  const line = document.querySelector("#inside-arcs .bd-arcs");
  const paths = [...line.querySelectorAll("path")];
  if (!paths.length) return null;
  const thick = (path) => Number(path.getAttribute("stroke-width"));
  const best = paths.reduce((one, other) => (thick(other) > thick(one) ? other : one));
  const end = Number(best.getAttribute("d").trim().split(" ").at(-2));
  return {
    inside: end >= line.scrollLeft && end <= line.scrollLeft + line.clientWidth,
    scrolls: line.scrollWidth > line.clientWidth + 1,
    told: line.parentElement.querySelector("output")?.textContent ?? "",
    tokens: line.querySelectorAll("button").length,
  };
}"""


def _strongest(visitor: Visitor) -> dict[str, Any]:
    return dict(visitor.page.wait_for_function(STRONGEST).json_value())


def test_the_strongest_arc_of_the_sentence_at_the_start_ends_in_the_picture(visit: Visit) -> None:
    visitor = visit()
    Inside.opened(visitor).unfold("attention")
    arc = _strongest(visitor)
    assert arc["inside"] and not arc["scrolls"] and arc["told"] == ""


def test_two_dozen_tokens_fit_and_of_more_the_end_of_the_strongest_arc_is_named(visit: Visit) -> None:
    visitor = visit()
    text = "the audience listened to the violin because it was the heart of the evening and nobody wanted to leave"
    inside = Inside.opened(visitor, text=text).unfold("attention")
    arc = _strongest(visitor)
    assert 20 <= arc["tokens"] <= 24 and arc["inside"] and not arc["scrolls"]
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    line = visitor.page.locator("#inside-arcs .bd-arcs")
    names = line.locator("button").all_inner_texts()
    ends = [visitor.page.evaluate(_ARC_AT, where) for where in (0, 100_000)]
    assert all(end["scrolls"] for end in ends) and any(not end["inside"] for end in ends)
    for end in ends:
        assert bool(end["told"]) is not end["inside"]
        assert not end["told"] or any(name in end["told"] for name in names)
    assert inside.is_open("attention")


_ARC_AT = f"""async (left) => {{
  const line = document.querySelector("#inside-arcs .bd-arcs");
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  line.scrollLeft = left;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return ({STRONGEST})();
}}"""
