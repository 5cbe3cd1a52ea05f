"""What cannot be used is refused beside its cause, in the person's language, and the page goes on working."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.conftest import FILE_BYTES, Visit
from tests.e2e.files import reviews, write_csv, write_reviews
from tests.e2e.visitor import Visitor

REPORT = "#train-data-refused [role=alert]"
TROUBLE = "#train-trouble [role=alert]"


@dataclass(frozen=True)
class Bad:
    """A file, the key of its sentence, and what the sentence must name."""

    name: str
    content: bytes
    key: str
    known: Mapping[str, str] = field(default_factory=dict)


def _lines(*lines: str) -> bytes:
    return "\n".join(lines).encode()


BAD = (
    Bad("empty.csv", b"", "file_empty", {"file": "empty.csv"}),
    Bad("photo.csv", b"text,label\n" + bytes(range(256)) * 4, "file_not_text", {"file": "photo.csv"}),
    Bad("head.csv", b"text,label\n", "header_only", {"file": "head.csv"}),
    Bad("one.csv", _lines("text,label", *(f"good film {i},pos" for i in range(30))), "one_class", {"label": "pos"}),
    Bad("row.csv", _lines("text,label", "good film,pos"), "too_few_rows", {"rows": "1"}),
    Bad("two.csv", _lines("text,label", "good film,pos", "bad film,neg"), "too_few_rows", {"rows": "2"}),
    Bad(
        "large.csv",
        b"text,label\n" + b"x" * (FILE_BYTES + 1 - 11),
        "file_too_large",
        {"file": "large.csv", "limit": f"{FILE_BYTES:,} B"},
    ),
)


def test_each_bad_file_is_refused_in_words_and_a_good_one_works_afterwards(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open()
    visitor.page.fill("#tokens-text textarea", "kept text")
    visitor.tab("train").upload(write_reviews(tmp_path / "first.csv", 40))
    visitor.set(epochs=3, learning_rate="0.0005")
    for bad in BAD:
        (tmp_path / bad.name).write_bytes(bad.content)
        visitor.give("#train-file", tmp_path / bad.name)
        visitor.sees(REPORT, f"error.{bad.key}", **bad.known)
        visitor.sees("#train-chosen", "fine_tune.reason.not_usable")
        assert visitor.page.locator("#train-start").is_disabled()
    visitor.speak("zh")
    visitor.sees(REPORT, f"error.{BAD[-1].key}", **BAD[-1].known)
    visitor.sees("#train-chosen", "fine_tune.reason.not_usable")
    visitor.upload(write_reviews(tmp_path / "good.csv", 40))
    visitor.sees("#train-chosen", "fine_tune.will.two")
    assert visitor.page.locator(REPORT).count() == 0
    _kept(visitor)


def _kept(visitor: Visitor) -> None:
    page = visitor.page
    assert page.locator("#config-epochs").locator("input, textarea").first.input_value() == "3"
    assert page.locator("#config-learning_rate").locator("input, textarea").first.input_value() == "0.0005"
    visitor.tab("tokens")
    assert page.input_value("#tokens-text textarea") == "kept text"


def test_a_held_out_file_with_an_unknown_label_or_without_the_column_is_refused_at_start(
    visit: Visit, tmp_path: Path
) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "good.csv", 40))
    visitor.set(epochs=1)
    visitor.unfold("#train-reading")
    visitor.unfold("#train-held-out")
    unknown = write_csv(tmp_path / "unknown.csv", ("text", "label"), [*reviews(4), ("a film", "maybe")])
    visitor.give("#train-validation", unknown)
    page.locator("#train-validation").get_by_text("unknown").first.wait_for()
    for lang in ("en", "zh"):
        visitor.speak(lang)
        visitor.sees("#train-report .bd-check-line.fail", "finding.held_out_unknown", file="unknown.csv")
        assert page.locator("#train-start").is_disabled()
    visitor.give("#train-validation", write_csv(tmp_path / "other.csv", ("words", "label"), reviews(4)))
    page.locator("#train-validation").get_by_text("other").first.wait_for()
    visitor.sees("#train-report .bd-check-line.fail", "finding.held_out_column", file="other.csv")
    visitor.sees("#train-chosen", "fine_tune.reason.not_usable")
    visitor.give("#train-validation", write_csv(tmp_path / "fine.csv", ("text", "label"), reviews(6)))
    page.locator("#train-validation").get_by_text("fine").first.wait_for()
    visitor.has_data("good.csv")
    visitor.start("finished")
    assert page.locator(TROUBLE).count() == 0


def test_start_without_data_and_settings_out_of_bounds_are_told_beside_start(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train")
    for lang in ("en", "zh"):
        visitor.speak(lang)
        visitor.sees("#train-chosen", "fine_tune.reason.no_data")
        assert visitor.page.locator("#train-start").is_disabled()
    visitor.speak("en").upload(write_reviews(tmp_path / "good.csv", 40))
    visitor.set(epochs="many")
    visitor.sees("#train-chosen [role=alert]", "error.field_not_number", value="many")
    visitor.set(epochs=99)
    visitor.sees("#train-chosen [role=alert]", "error.field_out_of_bounds", value="99")
    visitor.set(epochs=2)
    visitor.sees("#train-chosen", "fine_tune.will.two")


def test_a_bad_file_for_inference_is_refused_beside_its_button(visit: Visit, tmp_path: Path, finished: str) -> None:
    visitor = visit("en").open("predict", run=finished)
    page = visitor.page
    page.locator("#predict-file-box button").first.click()
    page.click("#predict-file-go")
    visitor.sees("#predict-file-told [role=alert]", "error.data_not_chosen")
    (tmp_path / "empty.csv").write_bytes(b"")
    visitor.give("#predict-file", tmp_path / "empty.csv")
    page.locator("#predict-file").get_by_text("empty").first.wait_for()
    page.click("#predict-file-go")
    visitor.sees("#predict-file-told [role=alert]", "error.file_empty", file="empty.csv")
    visitor.ask("")
    visitor.sees("#predict-answer .bd-state", "predict.empty")
    visitor.ask("good film")
    page.locator("#predict-answer .bd-two").wait_for()


def test_a_text_beyond_the_limit_is_refused_and_kept(visit: Visit) -> None:
    visitor = visit("en").open()
    text = "a " * 10_001
    visitor.page.fill("#tokens-text textarea", text)
    visitor.sees("#tokens-strip [role=alert]", "error.text_too_long", limit="20,000")
    visitor.speak("zh")
    visitor.sees("#tokens-strip [role=alert]", "error.text_too_long", limit="20,000")
    assert visitor.page.input_value("#tokens-text textarea") == text
    visitor.page.fill("#tokens-text textarea", "a")
    visitor.wait_chips(["a"])
