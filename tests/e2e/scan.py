"""axe-core over one tab, in the light and the dark theme."""

from __future__ import annotations

from importlib.resources import files

from tests.e2e.visitor import Visitor

_SCAN = """async (tab) => (await axe.run(tab, { resultTypes: ['violations'] })).violations
  .filter((barrier) => ['serious', 'critical'].includes(barrier.impact))
  .map((barrier) => `${barrier.id}: ` +
    barrier.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + node.failureSummary).join(' | '))"""
# Gradio's dark theme is one class of the body.
_THEME = "theme => document.body.classList.toggle('dark', theme === 'dark')"


def barriers(visitor: Visitor, tab: str) -> dict[str, list[str]]:
    """Return what axe-core calls serious or critical in a tab as it stands, by theme."""
    page = visitor.page
    if not page.evaluate("'axe' in window"):
        page.add_style_tag(content="* { transition: none !important }")  # or a scan meets a color half way
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    was_dark = page.evaluate("document.body.classList.contains('dark')")
    barriers_by_theme: dict[str, list[str]] = {}
    for theme in ("light", "dark"):
        page.evaluate(_THEME, theme)
        barriers_by_theme[theme] = page.evaluate(_SCAN, tab)
    page.evaluate(_THEME, "dark" if was_dark else "light")
    return barriers_by_theme
