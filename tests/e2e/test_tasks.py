"""Every task in a browser: a visitor trains it on the project's own samples, reads the result, and uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.e2e.conftest import Visit
from tests.e2e.files import write_csv
from tests.e2e.visitor import HANG_MS, Visitor

OFFSETS = """place => {
  let at = 0;
  const found = [];
  for (const node of place.childNodes) {
    const mark = node.nodeName === 'MARK';
    const text = mark ? node.firstChild.data : node.data;
    if (mark) found.push([at, at + [...text].length]);
    at += [...text].length;
  }
  return found;
}"""
"""Where the marks of a marked text stand, in code points of the text."""
BARE = "place => [...place.childNodes].map(n => n.nodeName === 'MARK' ? n.firstChild.data : n.data).join('')"
"""A marked text without the names of its marks."""


def _train(visitor: Visitor, sample: str, **settings: object) -> str:
    """Train the tiny checkpoint for one epoch on a sample; return the run."""
    visitor.sample(sample)
    visitor.set(**{"epochs": 1, **settings})
    return visitor.start("finished")


def _headline(visitor: Visitor, metric: str) -> None:
    """Wait for the headline of the result, which names its metric."""
    visitor.sees("#train-outcome .bd-big", f"metric.{metric}")


def _try(visitor: Visitor, name: str) -> None:
    """Go from the result to Inference, with the model that was just trained."""
    visitor.page.click("#train-try")
    visitor.page.locator("#predict-text").wait_for()
    visitor.infers_with(name)


def _label(visitor: Visitor, box: str, key: str) -> None:
    """Wait until a box has this name."""
    name = re.compile(rf"^\s*{re.escape(visitor.say(key))}\s*$")
    visitor.page.locator(f"{box} [data-testid='block-info']").filter(has_text=name).wait_for()


def _ask(visitor: Visitor, text: str, pair: str | None = None) -> Locator:
    """Type a text and wait for the model's answer to it; return where it stands."""
    answer = visitor.ask(text, pair).locator(".bd-prediction")
    answer.wait_for()
    return answer


def _numbers(place: Locator) -> list[float]:
    return [float(text.rstrip("%")) for text in place.all_inner_texts()]


def _full_result(visitor: Visitor, run: str, *metrics: str) -> None:
    """Open the result in Runs: the figures name the metrics, the list names the first one."""
    visitor.tab("train")
    visitor.page.click("#train-open")
    visitor.page.locator(f"#runs-title [data-opened='{run}']").wait_for()
    for metric in metrics:
        visitor.sees("#runs-result .bd-headline", f"metric.{metric}")
    visitor.page.click("#runs-back")
    visitor.sees(f"#runs-list tr[data-run='{run}']", f"metric.{metrics[0]}")
    visitor.page.click(f"#runs-list [data-open='{run}']")
    visitor.page.locator(f"#runs-title [data-opened='{run}']").wait_for()


def _fits(visitor: Visitor) -> None:
    width = visitor.page.viewport_size or {"width": 0}
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == width["width"]


@pytest.mark.parametrize(
    ("lang", "sample", "width", "text"),
    [
        ("en", "entities_en", 1280, "Anna Berg moved from Oslo to Leeds with Golden Crust."),
        ("zh", "entities_zh", 390, "林晓岚从成都搬到了青岛。"),
    ],
    ids=["en", "zh"],
)
def test_names_are_marked_in_the_text_that_was_typed(
    visit: Visit, lang: str, sample: str, width: int, text: str
) -> None:
    visitor = visit(lang, viewport={"width": width, "height": 900}).open("train").tiny()
    page = visitor.page
    run = _train(visitor, sample)
    _headline(visitor, "entity_f1")
    assert page.locator("#train-more .bd-mistakes .bd-spans[dir=auto]").count() == 3
    _fits(visitor)

    _try(visitor, sample)
    assert not page.locator("#predict-pair").is_visible()
    after = _ask(visitor, text).locator(".bd-two > div").first
    shown = after.locator(".bd-spans[dir=auto]")
    assert shown.evaluate(BARE) == text
    marks = shown.evaluate(OFFSETS)
    assert all(0 <= start < end <= len(text) for start, end in marks)
    assert [text[start:end] for start, end in marks] == [
        mark.evaluate("mark => mark.firstChild.data") for mark in shown.locator("mark").all()
    ]
    for name in shown.locator("mark small").all_inner_texts():
        assert re.fullmatch(r"(PER|LOC|ORG) \d+%", name)
    told = visitor.sees("#predict-answer", "predict.entities.other" if marks else "predict.no_entities")
    assert visitor.say("predict.before") in told
    _fits(visitor)

    _full_result(visitor, run, "entity_f1")
    visitor.sees("#runs-result", "result.per_label")
    _fits(visitor)


@pytest.mark.parametrize(
    ("lang", "sample", "width", "question", "passage"),
    [
        ("en", "questions_en", 390, "What was opened?", "The museum was opened in spring. It is small."),
        ("zh", "questions_zh", 1280, "灯会办几天？", "白塔镇的灯会一共办五天。"),
    ],
    ids=["en", "zh"],
)
def test_an_answer_is_marked_in_its_passage(
    visit: Visit, lang: str, sample: str, width: int, question: str, passage: str
) -> None:
    visitor = visit(lang, viewport={"width": width, "height": 900}).open("train").tiny()
    run = _train(visitor, sample)
    _headline(visitor, "f1")
    _fits(visitor)

    _try(visitor, sample)
    _label(visitor, "#predict-text", "predict.question")
    _label(visitor, "#predict-pair", "predict.context")
    visitor.ask(question, "")
    visitor.sees("#predict-answer .bd-state", "predict.pair_needed")

    for side in _ask(visitor, question, passage).locator(".bd-two > div").all():
        shown, said = side.locator(".bd-spans[dir=auto]"), side.locator(".bd-big").inner_text()
        assert shown.evaluate(BARE) == passage
        marks = shown.evaluate(OFFSETS)
        assert len(marks) <= 1
        if marks:
            assert said.startswith(passage[marks[0][0] : marks[0][1]].strip())
        else:
            assert said.startswith(visitor.say("predict.no_answer"))
    _fits(visitor)

    _full_result(visitor, run, "f1", "exact_match")
    assert visitor.say("result.per_label") not in visitor.page.locator("#runs-result").inner_text()
    _fits(visitor)


def test_any_number_of_labels_is_chosen_for_one_text(visit: Visit) -> None:
    visitor = visit("en", viewport={"width": 390, "height": 844}).open("train").tiny()
    run = _train(visitor, "topics_en")
    _headline(visitor, "macro_f1")
    _try(visitor, "topics_en")
    answer = _ask(visitor, "Why was I charged twice? The parcel is late too.")
    for side in answer.locator(".bd-two > div").all():
        names = side.locator(".bd-bars .name").all_inner_texts()
        assert len(names) == 6
        shares = _numbers(side.locator(".bd-bars .n"))
        assert shares == sorted(shares, reverse=True)
        assert side.locator(".bd-bars em").count() == 6  # the threshold of each label
        chosen = [name.rstrip(" ✓") for name in names if name.endswith("✓")]
        said = side.locator(".bd-big").inner_text()
        assert said == (" · ".join(chosen) or visitor.say("predict.none_chosen"))
    assert answer.get_by_text(visitor.say("predict.thresholds")).count() == 1  # the untrained head has none
    _fits(visitor)
    _full_result(visitor, run, "macro_f1", "micro_f1")
    _fits(visitor)


def test_two_texts_are_compared_by_a_number_on_the_scale_of_the_data(visit: Visit) -> None:
    visitor = visit("en").open("train").tiny()
    run = _train(visitor, "similarity_en")
    _headline(visitor, "spearman")
    visitor.sees("#train-more .bd-mistakes", "result.mistake_similarity")  # not how sure: how far off
    _try(visitor, "similarity_en")
    answer = _ask(visitor, "a good film", "the film is nice")
    score = answer.locator(".bd-big").inner_text()
    number = re.match(r"-?\d\.\d\d", score)
    assert number and 0 <= float(number[0]) <= 5
    assert visitor.say("predict.scale", low="0", high="5") in score
    visitor.sees("#predict-answer", "predict.cosine_is")
    assert answer.locator(".bd-scale").get_attribute("aria-valuemax") == "5"
    _full_result(visitor, run, "spearman", "pearson")


def test_a_pair_of_chinese_sentences_gets_one_label(visit: Visit) -> None:
    visitor = visit("zh", viewport={"width": 390, "height": 844}).open("train").tiny()
    _train(visitor, "pairs_zh")
    _headline(visitor, "accuracy")
    _try(visitor, "pairs_zh")
    _label(visitor, "#predict-pair", "predict.pair")
    shares = _numbers(_ask(visitor, "她有两个妹妹", "她没有妹妹").locator(".bd-two > div").first.locator(".bd-bars .n"))
    assert len(shares) == 2 and sum(shares) == pytest.approx(100, abs=0.11)
    _fits(visitor)


STARTS = ("", "we love that ", "it was good that ", "please help: ", "no, ", "this day ", "you and i hate that ",
          "very good: ", "they love that ", "not too nice: ")  # fmt: skip
ENDS = ("", " too", " and we love it", " this day", " not on the card", "!", " very much", ", thank you",
        " and it was good", " in france")  # fmt: skip


def _sentences(folder: Path) -> Path:
    """Write 200 different texts in which a cat sits on a mat or a dog on a bank."""
    who = (("cat", "mat"), ("dog", "bank"))
    rows = [(f"{start}the {one} sat on the {place}{end}",) for start in STARTS for end in ENDS for one, place in who]
    return write_csv(folder / "the cat sat.csv", ("text",), rows)


def test_a_hidden_word_is_found_by_a_model_that_read_many_such_sentences(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    page.set_default_timeout(3 * HANG_MS)  # forty epochs
    visitor.give("#train-file", _sentences(tmp_path))
    visitor.sees("#train-data-refused [role=alert]", "error.label_column_missing")  # it is not guessed what to learn
    page.click("#train-pretrain")
    visitor.has_data("the cat sat")
    visitor.set(epochs=40, learning_rate="0.01")
    run = visitor.start("finished")
    _headline(visitor, "perplexity")

    _try(visitor, "the cat sat")
    visitor.ask("the cat sat on the mat")
    visitor.sees("#predict-answer [role=alert]", "error.mask_missing")
    for text, words in (
        ("the dog [MASK] on the bank", ["sat"]), ("the cat sat on the [MASK]", ["bank", "mat"]),
        ("the [MASK] sat on the bank", ["cat", "dog"]),
    ):  # fmt: skip
        after = _ask(visitor, text).locator(".bd-two > div").first
        pieces, shares = after.locator(".bd-bars .name").all_inner_texts(), _numbers(after.locator(".bd-bars .n"))
        assert len(pieces) == len(shares) == 5
        assert shares == sorted(shares, reverse=True) and sum(shares) <= 100.3
        assert sorted(pieces[: len(words)]) == words, text
    _full_result(visitor, run, "perplexity")


DOCUMENTS = (
    "My parcel has not arrived yet.",
    "I cannot log in to my account.",
    "The kettle leaks.",
    "How do I pay by card?",
    "My parcel has not arrived yet.",
)


@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh", 390)])
def test_documents_are_searched_by_meaning_before_any_training(visit: Visit, lang: str, width: int) -> None:
    visitor = visit(lang, viewport={"width": width, "height": 844}).open("predict", checkpoint="bundled")
    page = visitor.page
    visitor.infers_with("MiniLM")
    page.locator("#predict-search-box button").first.click()
    page.fill("#predict-query textarea", "Where is my delivery?")
    page.click("#predict-search")
    visitor.sees("#predict-found [role=alert]", "error.documents_missing")

    page.fill("#predict-documents textarea", "\n".join(DOCUMENTS))
    page.click("#predict-search")
    visitor.sees("#predict-found", "search.again.one", n=1)
    meaning, words = page.locator("#predict-found .bd-two > div").all()
    assert visitor.say("search.by_meaning") in meaning.inner_text()
    assert visitor.say("search.by_words") in words.inner_text()
    hits = meaning.locator("li [dir=auto]").all_inner_texts()
    assert hits[0] == DOCUMENTS[0] and sorted(hits) == sorted(set(DOCUMENTS))
    scores = _numbers(meaning.locator("li .n"))
    assert scores == sorted(scores, reverse=True)
    assert 1 <= words.locator("li").count() < len(hits)  # counted words know only documents that share one
    _fits(visitor)


def test_a_text_is_written_and_what_to_expect_of_it_is_said_once(visit: Visit) -> None:
    visitor = visit("zh", viewport={"width": 390, "height": 844}).open("train").tiny()
    run = _train(visitor, "rewrite_en", max_length=24)
    _headline(visitor, "rouge_l")
    visitor.sees("#train-more .bd-mistakes", "result.mistake_text_to_text")
    _fits(visitor)
    _try(visitor, "rewrite_en")
    answer = _ask(visitor, "the cat sat on the mat that day, i think")
    for side in answer.locator(".bd-two > div").all():
        assert side.locator(".bd-spans.ins[dir=auto]").inner_text().strip()
    assert answer.get_by_text(visitor.say("predict.written_note")).count() == 1
    _fits(visitor)
    _full_result(visitor, run, "rouge_l")
    visitor.sees("#runs-result", "result.mistakes_text_to_text")
    _fits(visitor)
