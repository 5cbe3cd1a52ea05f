"""The words beside the pictures of Inside BERT: every step has them, in both languages, and links are safe."""

from __future__ import annotations

import re
from html import unescape

import pytest

from bertdemo.i18n.translation import LANGUAGES, catalogue
from bertdemo.ui.inside.html import learn
from tests.ui.html.test_primitives import read

LEARN = {"div", "p", "span", "details", "summary", "a"}


def said(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("step", learn.STEPS)
def test_every_step_says_what_it_shows_and_what_not_and_answers_questions(step: str, lang: str) -> None:
    captions, answers = learn.render_captions(step, lang), learn.render_learn(step, lang)
    assert captions.count("<span") == 2
    assert len(said(captions).strip()) > 40
    assert learn.ANSWERS[step]
    assert answers.count("<details") == answers.count("<summary>") == len(learn.ANSWERS[step])
    assert all(said(text).strip() for text in re.findall(r"<summary>(.*?)</summary><p>", answers))
    assert all(len(said(text)) > 60 for text in re.findall(r"</summary><p>(.*?)</p>", answers))
    for html in (captions, answers):
        assert set(read(html).tags) <= LEARN
        assert not re.search(r"\{\w+\}|inside\.\w+", said(html))
        assert not re.search(r"[${}`\\]", re.sub(r"&#\d+;", "", html))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("step", learn.STEPS)
def test_links_are_safe_and_say_where_they_lead(step: str, lang: str) -> None:
    links = re.findall(r"<a\b[^>]*>.*?</a>", learn.render_learn(step, lang))
    assert links
    for link in links:
        assert re.search(r'href="https://(?:arxiv\.org|huggingface\.co)/[\w./]+"', link), link
        assert re.search(r'rel="[^"]*\bnoopener\b[^"]*"', link), link
        assert 'target="_blank"' in link
        assert len(said(link).strip()) > 5


def test_no_answer_and_no_link_is_left_out() -> None:
    together = "".join(learn.render_learn(step, "en") for step in learn.STEPS)
    assert all(f'href="{address}"' in together for address in learn.LINKS.values())
    assert set(learn.ANSWERS) == set(learn.STEPS)
    every = [key for keys in learn.ANSWERS.values() for key in keys]
    assert len(every) == len(set(every)) == together.count("<details")
    assert {"pretraining_data", "pretraining", "hyperparameters", "generation"} <= set(every)
    written = {key.split(".")[2] for key in catalogue("en") if key.startswith("inside.learn.")}
    assert set(every) == written
    kept = re.findall(r'data-keep="([^"]+)"', together)
    assert len(kept) == len(set(kept)) == len(every)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_steps_are_numbered_in_their_order_and_the_last_has_no_number(lang: str) -> None:
    titles = [learn.step_title(step, lang) for step in learn.STEPS]
    assert [title[0] for title in titles[:-1]] == [str(i) for i in range(1, 9)]
    assert not titles[-1][0].isdigit()
    assert len(set(titles)) == len(titles)


def test_the_two_languages_say_everything_in_their_own_words() -> None:
    for step in learn.STEPS:
        for render in (learn.render_captions, learn.render_learn, learn.step_title):
            assert said(render(step, "en")) != said(render(step, "zh"))
            assert re.search("[\u4e00-\u9fff]", render(step, "zh"))
