"""All text for people: one message catalogue per language, and number formats.

A message has a dotted key (`tokens.words`) and may contain `{name}` placeholders. A count that changes the grammar has
two messages, `<key>.one` and `<key>.other` (Chinese has the same text under both).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from bertdemo.errors import BertDemoError

LANGUAGES = ("en", "zh")
DEFAULT = "en"

# Plain names only: str.format would also evaluate attributes, and raise for a lone brace.
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """Return {dotted key: message} for one of LANGUAGES."""
    text = files("bertdemo.i18n").joinpath("locales", f"{lang}.json").read_text(encoding="utf-8")
    flat: dict[str, str] = {}

    def walk(node: Mapping[str, object], prefix: str) -> None:
        for name, value in node.items():
            if isinstance(value, str):
                flat[prefix + name] = value
            elif isinstance(value, Mapping):
                walk(value, f"{prefix}{name}.")

    walk(json.loads(text), "")
    return flat


def translate(lang: str, key: str, **values: object) -> str:
    """Return a message with its placeholders filled; KeyError for an unknown key or a missing value."""
    template = catalogue(normalize(lang))[key]
    # In one pass, so that braces inside a value are never read as a placeholder.
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), template)


def has(key: str) -> bool:
    """Return whether there is a message for a key (for names that come from outside, such as a normalizer's)."""
    return key in catalogue(DEFAULT)


def plural(lang: str, key: str, n: int, **values: object) -> str:
    """Return `<key>.one` or `<key>.other` with `{n}` written with thousands separators."""
    return translate(lang, f"{key}.{'one' if n == 1 else 'other'}", n=thousands(n), **values)


def around(lang: str, key: str, n: int, **values: object) -> tuple[str, str, str]:
    """Return (before, number, after) of a counted message, so that the number can be drawn in its own style."""
    marker = "\x00"  # no message contains it
    form = f"{key}.one" if n == 1 else f"{key}.other"
    before, _, after = translate(lang, form if has(form) else key, n=marker, **values).partition(marker)
    return before, thousands(n), after


def message(lang: str, error: BertDemoError) -> str:
    """Return the sentence of an error that a visitor caused."""
    values = dict(error.values)
    setting = values.get("field")
    if setting and has(f"config.{setting}"):
        # A person knows a setting by its label, a program by its name: both, unless they are the same.
        label = translate(lang, f"config.{setting}")
        same = label.lower().replace(" ", "_") == setting
        values["field"] = label if same else translate(lang, "config.named", label=label, name=setting)
    role = values.get("role")
    if role and has(f"role_word.{role}"):
        values["role"] = translate(lang, f"role_word.{role}")
    wait = values.get("wait_seconds")
    if isinstance(wait, int | float):
        values["wait_seconds"] = (
            translate(lang, "number.in_about", time=estimated_seconds(lang, wait))
            if wait
            else translate(lang, "number.later")
        )
    return translate(lang, error.message_key, **values)


def normalize(code: str | None) -> str:
    """Return `en` or `zh` for a language code as browsers, addresses and systems write it."""
    # `zh-Hant-TW`, `zh_CN.UTF-8` and `zh` have the same primary subtag.
    primary = re.split(r"[-_.]", (code or "").strip().lower(), maxsplit=1)[0]
    return "zh" if primary in {"zh", "cmn", "yue", "wuu"} else DEFAULT


def from_accept_language(header: str | None) -> str:
    """Return the one of LANGUAGES that an Accept-Language header prefers (RFC 9110, 12.5.4), else DEFAULT."""
    preferences: list[tuple[float, str]] = []
    for part in (header or "").split(","):
        code, _, parameters = part.strip().partition(";")
        quality = re.search(r"q\s*=\s*([01](?:\.\d+)?)", parameters)
        preferences.append((float(quality[1]) if quality else 1.0, code.strip()))
    for weight, code in sorted(preferences, key=lambda preference: -preference[0]):
        if weight > 0 and normalize(code) != DEFAULT:
            return normalize(code)
        if weight > 0 and code.lower().startswith(DEFAULT):
            return DEFAULT
    return DEFAULT


def choose(query: str | None, remembered: str | None, header: str | None) -> str:
    """Return the visitor's language: that of the address, else what they chose before, else the browser's."""
    for code in (query, remembered):
        if isinstance(code, str) and code:
            return normalize(code)
    return from_accept_language(header)


# --- numbers ------------------------------------------------------------------------------------------------


def thousands(n: int) -> str:
    """10003 -> `10,003`."""
    return f"{n:,}"


def parameters(lang: str, n: int) -> str:
    """22713216 -> `22.7 M`, in Chinese `2270 万`."""
    if normalize(lang) == "zh":
        return f"{_three_digits(n / 1e8)} 亿" if n >= 100_000_000 else f"{_three_digits(n / 1e4)} 万"
    if n >= 1_000_000_000:
        return f"{n / 1e9:.1f} B"
    return f"{n / 1e6:.1f} M" if n >= 1_000_000 else f"{n / 1e3:.0f} k"


def _three_digits(value: float) -> str:
    """2271.3 -> `2270`; 1.0852 -> `1.09`."""
    return f"{float(f'{value:.3g}'):g}"


def seconds(lang: str, value: float) -> str:
    """125 -> `2 min 05 s` or `2 分 05 秒`; below ten seconds with one decimal."""
    whole = round(value)
    if value < 9.95:  # from here on it would be rounded to 10.0
        return translate(lang, "number.seconds", s=f"{max(value, 0):.1f}")
    if whole < 60:
        return translate(lang, "number.seconds", s=whole)
    if whole < 3600:
        return translate(lang, "number.minutes", m=whole // 60, s=f"{whole % 60:02d}")
    minutes = round(value / 60)
    return translate(lang, "number.hours", h=minutes // 60, m=f"{minutes % 60:02d}")


def estimated_seconds(lang: str, value: float) -> str:
    """Return an estimate as `seconds` does, in whole seconds and at least one: no estimate is right to a tenth."""
    whole = max(1, round(value))
    return translate(lang, "number.seconds", s=whole) if whole < 60 else seconds(lang, whole)


def size(n: float) -> str:
    """Return bytes with a decimal unit and two significant digits or so: `0.9 GB`, `91 MB`, `12 kB`."""
    if n >= 5e8:
        return f"{n / 1e9:.1f} GB"
    if n >= 1e6:
        return f"{n / 1e6:.0f} MB"
    return f"{n / 1e3:.0f} kB" if n >= 1e3 else f"{n:.0f} B"


def percent(share: float, digits: int = 1) -> str:
    """0.961 -> `96.1%`; what would be written as `0.0%` is `0%`."""
    text = f"{share * 100:.{digits}f}"
    return f"{text}%" if float(text) else "0%"


def score(lang: str, value: float | None, low: float | None = None, high: float | None = None, rows: int = 0) -> str:
    """Return a score with its interval and its examples: `0.925 [0.906, 0.941] (872 examples)`, – for None.

    Both ends of the interval, since neither Wilson's nor a bootstrap's has the score in its middle.
    """
    if value is None:
        return "–"
    text = f"{value:.3f}"
    if low is not None and high is not None:
        text += f" [{low:.3f}, {high:.3f}]"
    return text + (plural(lang, "number.of_rows", rows) if rows else "")
