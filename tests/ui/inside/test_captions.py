"""Under each picture stand its own two sentences, in both languages."""

from __future__ import annotations

import re

import pytest
from bertdemo.ui.inside.html.captions import NAMES, says
from bertdemo.ui.inside.html.learn import render_captions

from bertdemo.i18n.translation import LANGUAGES, catalogue, translate
from bertdemo.ui.inside.html import head
from tests.ui.inside import test_attention as attention
from tests.ui.inside import test_html as inside

INPUT_SLOTS = {
    **{name: name for name in NAMES},
    "segments": "specials", "mask": "specials", "norms": "step", "update": "step", "class_map": "class map",
    "number": "a number",
}  # fmt: skip
"""Picture -> the drawing that it stands in, where that has another name."""

PAINTED = re.compile(r'data-paint="(?:grid|matrix|overview)"|class="bd-(?:points|curve|bars|bands)')


def drawings(lang: str) -> dict[str, str]:
    number = inside.replace(inside.seen_by(labels=("stars",)), problem="regression")
    return {**attention.ALL[lang], **inside.ALL[lang], "a number": head.render_head(number, lang)}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_its_own_two_sentences(name: str, lang: str) -> None:
    words = says(name, lang)
    assert drawings(lang)[INPUT_SLOTS[name]].count(words) == 1
    shows, no = (translate(lang, f"inside.picture.{name}.{part}") for part in ("shows", "not"))
    assert shows[-1] in ".。" and no[-1] in ".。" and len(shows) < 200 and len(no) < 200


def test_no_picture_is_without_them() -> None:
    kept = {key.split(".")[2] for key in catalogue("en") if key.startswith("inside.picture.")}
    assert kept == set(NAMES) and len(NAMES) == len(set(NAMES))
    for lang in LANGUAGES:
        sentences = [text for key, text in catalogue(lang).items() if key.startswith("inside.picture.")]
        assert len(sentences) == len(set(sentences)) == 2 * len(NAMES)
        for place, html in drawings(lang).items():
            painted = len(
                re.findall(r'data-paint="(?:grid|matrix|overview)"|class="bd-(?:points|curve|bars|bands)', html)
            )
            if painted and place not in {"grid", "points"}:  # those two are what pictures are made of
                assert 'class="bd-caption bd-says"' in html, place


@pytest.mark.parametrize("lang", LANGUAGES)
def test_before_and_after_of_an_encoder_that_did_not_move_does_not_say_that_it_moved(lang: str) -> None:
    moved, kept = (render_captions("before_after", lang, kept=kept) for kept in (False, True))
    claim = {"en": "all layers have moved", "zh": "所有层都移动了"}[lang]
    still = {"en": "did not move", "zh": "没有动"}[lang]
    assert claim in moved and still not in moved
    assert claim not in kept and still in kept
