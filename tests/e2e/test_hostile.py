"""Text from a visitor is shown as it was typed and never run, wherever it turns up, in both languages."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.e2e.conftest import Visit
from tests.e2e.files import write_csv
from tests.e2e.inside import STEPS, Inside
from tests.e2e.visitor import TABS, Visitor

HOSTILE = (
    '<img src=x onerror="window.__x=1">',
    "${window.__x=1}",
    "{{constructor.constructor('window.__x=1')()}}",
    "`${window.__x=1}`",
    "</div><script>window.__x=1</script>",
    "[click](javascript:window.__x=1)",
    "\\u003cimg src=x onerror=window.__x=1\\u003e",
    "<svg onload=window.__x=1>",
)
COLUMNS = ('<img src=y onerror="window.__x=1">', "${window.__x=2} `{{x}}`")
LABELS = ("<script>window.__x=1</script>", "{{constructor}} ${window.__x=1}")
NAME = "<img src=x onerror=window.__x=1> ${window.__x=1} {{x}}.csv"


def test_hostile_text_in_the_box_and_in_the_address_is_only_text(visit: Visit) -> None:
    visitor = visit("en").open(**dict.fromkeys(("run", "checkpoint", "tab", "lang", "step", "layer"), HOSTILE[0]))
    assert "violin" in visitor.chips()
    for tab in TABS:
        visitor.tab(tab)
    _inert(visitor)
    visitor.tab("tokens")
    for index, text in enumerate(HOSTILE):
        visitor.speak("zh" if index % 2 else "en")
        visitor.page.fill("#tokens-text textarea", text)
        last = "".join(letter for letter in text.lower() if not letter.isspace())
        visitor.page.wait_for_function(
            """text => [...document.querySelectorAll('#tokens-strip .bd-piece')].slice(1, -1)
            .map(e => e.textContent).join('') === text""",
            arg=last,
        )
        visitor.untouched()
    visitor.page.locator("#tokens-table-box button").first.click()
    visitor.page.locator("#tokens-table table").wait_for()


def _hostile_table(path: Path) -> bytes:
    rows = [(f"{HOSTILE[i % len(HOSTILE)]} {i}", LABELS[i % 2]) for i in range(60)]
    return write_csv(path, COLUMNS, rows).read_bytes()


def test_hostile_cells_labels_columns_and_file_names_are_shown_as_typed_in_every_tab(
    visit: Visit, tmp_path: Path
) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    data = _hostile_table(tmp_path / "hostile.csv")
    visitor.give("#train-file", {"name": NAME, "mimeType": "text/csv", "buffer": data})
    page.locator("#train-cards .bd-file").and_(page.get_by_title("csv")).wait_for()
    visitor.unfold("#train-reading")
    if page.locator("#train-text input").input_value() != COLUMNS[0]:
        visitor.choose("#train-text", COLUMNS[0])
    assert page.locator("#train-label input").input_value() == COLUMNS[1]
    page.locator("#train-report .bd-label-row").filter(has_text=LABELS[0]).wait_for()
    page.locator("#train-preview td").first.wait_for()
    cells = page.locator("#train-preview td").all_inner_texts()
    assert f"{HOSTILE[0]} 0" in cells
    assert f"{HOSTILE[4]} 4" in cells
    visitor.has_data("csv")
    visitor.set(epochs=1)
    run = visitor.start("finished")
    page.locator("#train-more .bd-mistakes").wait_for()

    page.click("#train-try")
    page.locator("#predict-text").wait_for()
    visitor.infers_with("csv")
    for text in HOSTILE:
        visitor.ask(text)
        page.locator("#predict-answer .bd-two").wait_for()
    visitor.tab("runs")
    page.locator(f"#runs-list [data-open='{run}']").click()
    page.locator(f"#runs-title [data-opened='{run}']").wait_for()
    page.locator("#runs-result td").filter(has_text=LABELS[0]).first.wait_for()

    for lang in ("zh", "en"):
        visitor.speak(lang)
        for name in TABS:
            visitor.tab(name)
            _inert(visitor)
    visitor.reload()
    _inert(visitor)


def test_hostile_documents_queries_and_files_are_shown_as_typed_in_a_search_and_in_every_step_of_inside_bert(
    visit: Visit, tmp_path: Path
) -> None:
    visitor = visit("en").open("predict", checkpoint="bundled")
    page = visitor.page
    visitor.infers_with("MiniLM")
    page.locator("#predict-search-box button").first.click()
    page.fill("#predict-documents textarea", "\n".join(HOSTILE))
    for query in (HOSTILE[0], HOSTILE[2]):
        page.fill("#predict-query textarea", query)
        page.click("#predict-search")
        hits = page.locator("#predict-found .bd-two > div").first.locator("li [dir=auto]")
        hits.filter(has_text=query).first.wait_for()
        assert sorted(hits.all_inner_texts()) == sorted(HOSTILE)
        _inert(visitor)

    second = visit("zh")
    inside = Inside.opened(second)
    for text in (HOSTILE[0], HOSTILE[4]):
        inside.write(text)
        second.page.wait_for_url(lambda address, text=text: quote(text[:10], safe="") in address.replace("+", "%20"))
        for step in STEPS:
            inside.step(step)
        _inert(second)


def _inert(visitor: Visitor) -> None:
    visitor.untouched()
    made = visitor.page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((e) => e.matches('[onerror], [onload], [src=x]')
            || (e.matches('script') && e.textContent.includes('window.__x'))).map((e) => e.outerHTML.slice(0, 200))"""
    )
    assert made == []
    links = "() => [...document.querySelectorAll('a')].filter((a) => a.href.startsWith('javascript:')).length"
    assert visitor.page.evaluate(links) == 0
