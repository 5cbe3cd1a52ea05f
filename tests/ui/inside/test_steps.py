"""The words of Inside BERT: short captions, a drawer in every step, safe links, in both languages."""

from __future__ import annotations

import re
from html import unescape

import pytest

from bertdemo.i18n.translation import LANGUAGES, catalogue, translate
from bertdemo.ui.inside.html import steps
from bertdemo.ui.inside.html.controls import LOOKS, render_buttons, render_examples, render_looks
from bertdemo.ui.inside.html.samples import examples
from bertdemo.ui.inside.html.what import PARTS, PATH, render_what
from tests.ui.html.test_primitives import read

HAN = re.compile("[\u4e00-\u9fff]")


def said(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def words_of(lang: str) -> dict[str, str]:
    return {key: text for key, text in catalogue(lang).items() if key.startswith("inside.")}


def test_the_tab_says_half_of_what_it_said() -> None:
    counted = {key: text for key, text in words_of("en").items() if not key.startswith("inside.what.")}
    assert sum(len(text.split()) for text in counted.values()) <= 2_700
    chinese = {key: text for key, text in words_of("zh").items() if key in counted}
    assert sum(len(HAN.findall(text)) for text in chinese.values()) <= 3_441


def test_no_sentence_is_long() -> None:
    long = [
        f"{key}: {sentence}"
        for key, text in words_of("en").items()
        for sentence in re.split(r"(?<=[.!?:;])\s", text)
        if len(sentence.split()) > 25
    ]
    long += [
        f"{key}: {sentence}"
        for key, text in words_of("zh").items()
        for sentence in re.split(r"[。！？；：]", text)
        if len(HAN.findall(sentence)) > 45
    ]
    assert not long, "\n".join(long)


def test_every_caption_has_at_most_twelve_words() -> None:
    keys = {key.removeprefix("inside.caption.") for key in words_of("en") if key.startswith("inside.caption.")}
    assert keys == set(steps.CAPTIONS)
    assert not [name for name in keys if len(translate("en", f"inside.caption.{name}").split()) > 12]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("step", steps.STEPS)
def test_every_drawer_has_limits_code_questions_and_reading(step: str, lang: str) -> None:
    html = steps.render_drawer(step, "print(1)", lang)
    assert html.count("<details") == 4 and steps.render_drawer(step, "", lang).count("<details") == 3
    assert html.count("<h3>") == len(steps.ANSWERS[step])
    assert translate(lang, f"inside.not.{step}") in said(html)
    assert not re.search(r"[${}`\\]", re.sub(r"&#\d+;", "", html))
    links = re.findall(r"<a\b[^>]*>.*?</a>", html)
    assert links
    for link in links:
        assert re.search(r'href="https://(?:arxiv\.org|huggingface\.co)/[\w./]+"', link), link
        assert 'rel="noopener noreferrer"' in link and 'target="_blank"' in link


def test_no_answer_no_link_and_no_step_is_left_out() -> None:
    together = "".join(steps.render_drawer(step, "", "en") for step in steps.STEPS)
    assert all(f'href="{address}"' in together for address in steps.LINKS.values())
    written = {key.split(".learn.")[1].split(".")[0] for key in words_of("en") if ".learn." in key}
    assert {name for names in steps.ANSWERS.values() for name in names} == written
    assert set(steps.ANSWERS) == set(steps.LINKS_OF) == set(steps.STEPS)


def test_a_linear_probe_has_limits_of_its_own() -> None:
    assert "did not change" in said(steps.render_drawer("before_after", "", "en", kept=True))
    assert "did not change" not in said(steps.render_drawer("before_after", "", "en"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_bert_names_what_it_is_and_leads_through_the_six_steps(lang: str) -> None:
    html = render_what(lang)
    words = said(html)
    assert "Bidirectional Encoder Representations from Transformers" in words
    assert len(re.findall("<section>", html)) == len(PARTS)
    assert re.findall(r'data-step="(\w+)"', html) == list(PATH)
    for name in {"en": ("masked language modeling", "next sentence prediction", "mean pooling"),
                 "zh": ("掩码语言模型", "下一句预测", "平均池化")}[lang]:  # fmt: skip
        assert name in words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_control_is_a_named_button(lang: str) -> None:
    for render, count in ((render_examples, len(examples())), (render_looks, len(LOOKS)), (render_buttons, 2)):
        html = render(lang)
        assert read(html).tags.count("button") == count
        assert all(said(name).strip() for name in re.findall(r"<button[^>]*>(.*?)</button>", html))
