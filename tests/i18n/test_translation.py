"""Languages are recognized as browsers write them, and numbers read well in both."""

from __future__ import annotations

import pytest

from bertdemo.errors import HeadMissing
from bertdemo.i18n import translation


@pytest.mark.parametrize("code", ["zh", "zh-Hans", "zh-CN", "zh-TW", "zh_Hant_HK", "ZH-hans-cn", "zh_CN.UTF-8", "yue"])
def test_every_way_to_write_chinese(code: str) -> None:
    assert translation.normalize(code) == "zh"


@pytest.mark.parametrize("code", ["en", "en-GB", "de", "", None, "zhuang", "../../zh"])
def test_everything_else_is_english(code: str | None) -> None:
    assert translation.normalize(code) == "en"


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr,de;q=0.9", "en"),
        ("fr,zh-TW;q=0.5", "zh"),
        ("en;q=0.2,zh;q=0.7", "zh"),
        ("zh;q=0,en", "en"),
        ("", "en"),
        (None, "en"),
        (";;q=,,", "en"),
    ],
)
def test_accept_language(header: str | None, lang: str) -> None:
    assert translation.from_accept_language(header) == lang


def test_the_address_wins_then_memory_then_the_browser() -> None:
    assert translation.choose("zh", "en", "en") == "zh"
    assert translation.choose(None, "zh", "en") == "zh"
    assert translation.choose("", "", "zh-CN") == "zh"


def test_braces_in_a_value_are_not_placeholders() -> None:
    told = translation.message("en", HeadMissing(checkpoint="{checkpoint}{x}{0}"))
    assert "{checkpoint}{x}{0}" in told


def test_a_missing_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        translation.translate("en", "no.such.key")


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [(3.14, "3.1 s", "3.1 秒"), (42, "42 s", "42 秒"), (125, "2 min 05 s", "2 分 05 秒"),
     (59.7, "1 min 00 s", "1 分 00 秒"),
     (7320, "2 h 02 min", "2 小时 02 分"), (-1, "0.0 s", "0.0 秒")],
)  # fmt: skip
def test_seconds(value: float, en: str, zh: str) -> None:
    assert (translation.seconds("en", value), translation.seconds("zh", value)) == (en, zh)


def test_numbers() -> None:
    assert translation.thousands(10_003) == "10,003"
    assert translation.size(900_000_000) == "0.9 GB"
    assert translation.size(91_000_000) == "91 MB"
    assert translation.percent(0.9614) == "96.1%"
    assert [translation.percent(share) for share in (0.0, 0.0004, 0.0005001)] == ["0%", "0%", "0.1%"]
    assert translation.score("en", 0.925, 0.916, 0.934, 872) == "0.925 [0.916, 0.934] (872 examples)"
    assert translation.score("zh", 0.925, 0.916, 0.934, 872) == "0.925 [0.916, 0.934]（872 条）"


def test_a_score_is_written_with_both_ends_of_its_interval() -> None:
    # Wilson's interval of 65 right answers in 73 is not centered on 0.890.
    assert translation.score("en", 65 / 73, 0.7977, 0.9434) == "0.890 [0.798, 0.943]"
    assert translation.score("en", 0.5, rows=1) == "0.500 (1 example)"
    assert translation.score("zh", None) == "–"


@pytest.mark.parametrize(
    ("n", "en", "zh"),
    [(22_713_216, "22.7 M", "2270 万"), (102_267_648, "102.3 M", "1.02 亿"), (4_385_920, "4.4 M", "439 万"),
     (1_200_000_000, "1.2 B", "12 亿"), (9_600, "10 k", "0.96 万")],
)  # fmt: skip
def test_parameters_are_counted_as_each_language_does(n: int, en: str, zh: str) -> None:
    assert (translation.parameters("en", n), translation.parameters("zh", n)) == (en, zh)


def test_a_count_is_set_apart_from_its_words() -> None:
    assert translation.around("en", "tokens.facts.words", 1) == ("", "1", " word")
    assert translation.around("zh", "tokens.facts.cut", 512, dropped=3) == ("最大长度 ", "512", "，截断 3 个")
