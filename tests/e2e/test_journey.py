"""The main job from end to end, in both languages."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.files import reviews, write_csv, write_reviews
from tests.e2e.visitor import Visitor

Choose = Callable[[Visitor, Path], str]


def _upload_after_a_sample(visitor: Visitor, file: Path) -> str:
    visitor.sample("support_en")
    visitor.upload(file)
    visitor.tiny().set(epochs=40, learning_rate="0.00001")
    return file.name


def _sample_after_an_upload(visitor: Visitor, file: Path) -> str:
    visitor.upload(file)
    visitor.sample("support_en")
    visitor.set(epochs=1, max_length=16)
    return "support_en.csv"


@pytest.mark.parametrize(
    ("lang", "choose"), [("en", _upload_after_a_sample), ("zh", _sample_after_an_upload)], ids=["en", "zh"]
)
def test_a_person_goes_from_a_sentence_to_a_model_of_their_own(
    visit: Visit, tmp_path: Path, lang: str, choose: Choose
) -> None:
    visitor = visit(lang).open()
    page = visitor.page

    assert "violin" in visitor.chips()
    page.fill("#tokens-text textarea", "cats sat")
    visitor.wait_chips(["cats", "sat"])
    page.click("#tokens-train")
    page.locator("#train-start").wait_for()

    name = choose(visitor, write_reviews(tmp_path / "my reviews.csv", 120))
    run = _train(visitor)
    _read_the_outcome(visitor)
    _download(visitor, tmp_path)

    page.click("#train-try")
    page.locator("#predict-text").wait_for()
    visitor.infers_with(name)
    _predict(visitor)
    _predict_file(visitor, tmp_path)

    visitor.tab("train")
    page.click("#train-open")
    _read_the_full_result(visitor, run)
    _delete(visitor, run)


def _train(visitor: Visitor) -> str:
    run = visitor.start()
    page = visitor.page
    assert page.locator("#train-progress [role=meter]").count() == 1
    visitor.sees("#train-panel .bd-facts", "run.step")
    page.wait_for_function("document.title.endsWith('% · bertdemo')")
    visitor.state(run, "finished")
    page.wait_for_function("title => document.title === title", arg=visitor.say("run.title_done"))
    visitor.sees("#train-progress", "state.finished")
    assert page.locator("#train-panel svg").count() == 2
    page.locator("#train-outcome .bd-score-strip").wait_for()
    return run


def _read_the_outcome(visitor: Visitor) -> None:
    outcome = visitor.page.locator("#train-outcome")
    assert re.fullmatch(r"[01]\.\d{3} \[[01]\.\d{3}, [01]\.\d{3}\] \S+", outcome.locator(".bd-big").inner_text())
    visitor.sees("#train-outcome", "result.on_validation")
    assert visitor.page.locator("#train-more .bd-mistakes li").count() == 3


def _download(visitor: Visitor, folder: Path) -> None:
    with visitor.page.expect_download() as coming:
        visitor.page.click("#train-download")
    target = folder / "model.zip"
    coming.value.save_as(target)
    with zipfile.ZipFile(target) as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "card.json"} <= names


def _predict(visitor: Visitor) -> None:
    page = visitor.page
    visitor.ask("the film was good")
    page.locator("#predict-answer .bd-two").wait_for()
    after, before = page.locator("#predict-answer .bd-two > div").all()
    assert visitor.say("predict.after") in after.inner_text()
    assert visitor.say("predict.before") in before.inner_text()
    assert visitor.say("predict.untrained") in before.inner_text()
    for side in (after, before):
        shares = [float(text.rstrip("%")) for text in side.locator(".bd-bars .n").all_inner_texts()]
        assert len(shares) >= 2
        assert shares == sorted(shares, reverse=True)


def _predict_file(visitor: Visitor, folder: Path) -> None:
    page = visitor.page
    texts = [text for text, _ in reviews(40)]
    page.locator("#predict-file-box button").first.click()
    visitor.give(
        "#predict-file", write_csv(folder / "texts.csv", ("id", "text"), [(str(i), t) for i, t in enumerate(texts)])
    )
    page.locator("#predict-file").get_by_text("texts").first.wait_for()
    page.click("#predict-file-go")
    visitor.sees("#predict-file-told", "predict.file_done.other", n=40)
    assert page.locator("#predict-file-told tbody tr").count() == 8
    assert page.locator("#predict-file-told .bd-file-counts .name").count() >= 1
    with page.expect_download() as coming:
        page.click("#predict-result")
    with Path(coming.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == texts
    assert [row["id"] for row in rows] == [str(i) for i in range(40)]
    assert all(row["prediction"] and 0 < float(row["confidence"]) <= 1 for row in rows)


def _read_the_full_result(visitor: Visitor, run: str) -> None:
    page = visitor.page
    page.locator(f"#runs-title [data-opened='{run}']").wait_for()
    visitor.sees("#runs-result", "metric.macro_f1_interval")
    text = page.locator("#runs-result").inner_text()
    for key in ("metric.accuracy_interval", "result.per_label", "result.confusion", "result.mistakes"):
        assert visitor.say(key) in text
    assert (
        page.locator("#runs-result table").count() == 2 and page.locator("#runs-result .bd-confusion svg").count() == 1
    )
    page.click("#runs-tab-data-button")
    visitor.sees("#runs-data", "runs.given.settings")
    page.click("#runs-tab-curves-button")
    page.locator("#runs-curves svg").first.wait_for()


def _delete(visitor: Visitor, run: str) -> None:
    page = visitor.page
    page.click("#runs-delete")
    visitor.sees("#runs-deleted", "runs.deleted")
    page.locator("#runs-opened").wait_for(state="hidden")
    assert page.locator(f"#runs-list [data-run='{run}']").count() == 0
    visitor.tab("train")
    visitor.sees("#train-notice", "runs.lost")
    assert page.locator(f"#train-panel [data-run='{run}']").count() == 0
