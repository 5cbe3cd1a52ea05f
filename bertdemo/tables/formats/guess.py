"""A guess at the encoding of text that is not UTF-8: the candidate whose decoding has the most common characters.

Each candidate decodes a sample, and each non-ASCII character scores higher the more common it is in that encoding. The
tables of the old standards are sorted by use, so the lead byte tells: GB 2312 has its 3,755 common characters at
B0..D7, Big5 its 5,401 at A4..C6, JIS X 0208 its level 1 at 88..97. Short texts are enough, and no word list is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# A character scores from -2 (undecodable) to 1 (common); tests/tables/corpus/encodings.py has the expected results.
# Mean score from which a guess is better than none.
_ENOUGH = 0.35
# Characters that are scored.
_CHARS = 4000
_WESTERN = frozenset("àâäáãåæçéèêëíìîïñóòôöõøúùûüßœÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØÚÙÛÜŒ")
# Punctuation and signs beyond ASCII that Western text contains.
_PUNCTUATION = frozenset("‘’“”–—…€£§°«»¿¡ºª®©™·•´\u00a0")
_RUN = re.compile("[^\x00-\x7f]+")


def guess(sample: bytes) -> str:
    """Return the most likely of gb18030, cp1252, big5 and shift_jis for lines that are not UTF-8, or ""."""
    scores: dict[str, Callable[[bytes], float]] = {
        "gb18030": lambda data: _wide_score(data, "gb18030", _gb),
        "cp1252": _western_score,
        "big5": lambda data: _wide_score(data, "cp950", _big5),
        "shift_jis": lambda data: _wide_score(data, "cp932", _jis),
    }
    if len(sample.translate(None, bytes(range(128)))) == 1:
        # A single non-ASCII byte is half a character in every other candidate.
        scores = {"cp1252": _western_score}
    rated = {name: score(sample) for name, score in scores.items()}
    best = max(rated, key=rated.__getitem__)
    return best if rated[best] >= _ENOUGH else ""


def guess_wide(start: bytes) -> str:
    """Return utf-16-le or utf-16-be for the start of such a file without a byte-order mark, or ""."""
    start = start[: len(start) // 2 * 2][: 2 * _CHARS]
    rated = {name: _utf16_score(start.decode(name, "replace")) for name in ("utf-16-le", "utf-16-be")}
    best = max(rated, key=rated.__getitem__)
    # Nearly every character must be common: any two bytes are some character of UTF-16.
    return best if rated[best] > 0.8 else ""


def _wide_score(data: bytes, codec: str, score: Callable[[bytes], float]) -> float:
    """Return the mean score of the non-ASCII characters; what cannot be decoded scores lowest."""
    text = "".join(_RUN.findall(data.decode(codec, "replace")))[:_CHARS]
    if not text:
        return 0.0
    return sum(-2.0 if c == "\ufffd" else score(c.encode(codec, "replace")) for c in text) / len(text)


def _gb(code: bytes) -> float:
    if len(code) != 2:
        return -1.0
    if code[1] < 0xA1:
        return -0.2  # characters that only GBK added
    lead = code[0]
    if 0xB0 <= lead <= 0xD7:
        return 1.0
    if 0xA1 <= lead <= 0xA3:
        return 0.9  # punctuation and full-width letters
    return 0.4 if 0xD8 <= lead <= 0xF7 else -0.5


def _big5(code: bytes) -> float:
    if len(code) != 2:
        return -1.0
    lead = code[0]
    if 0xA4 <= lead <= 0xC6:
        return 1.0
    return 0.9 if 0xA1 <= lead <= 0xA3 else 0.1 if 0xC9 <= lead <= 0xF9 else -1.0


def _jis(code: bytes) -> float:
    if len(code) != 2:
        return -0.3  # half-width katakana
    lead = code[0]
    if (lead == 0x82 and code[1] >= 0x9F) or lead == 0x83:
        return 1.0  # kana
    if lead in {0x81, 0x82} or 0x88 <= lead <= 0x97:
        return 0.9
    return 0.2 if 0x98 <= lead <= 0xEA else -1.0


def _western_score(data: bytes) -> float:
    """Return the mean score as cp1252: accents come alone or in pairs among ASCII letters, not in long runs."""
    text = data.decode("cp1252", "replace")
    total, count = 0.0, 0
    for run in _RUN.finditer(text):
        chars = run[0]
        count += len(chars)
        letters = (run.start() > 0 and text[run.start() - 1].isalpha()) or text[run.end() : run.end() + 1].isalpha()
        for char in chars:
            if char == "\ufffd":
                total -= 2.0
            elif char in _PUNCTUATION:
                total += 0.8 if len(chars) <= 3 else 0.0
            elif char in _WESTERN:
                total += (0.9 if letters or len(chars) == 1 else 0.1) if len(chars) <= 2 else -0.7
            else:
                total -= 0.5
        if count > _CHARS:
            break
    return total / count if count else 0.0


def _utf16_score(text: str) -> float:
    return sum(map(_common_score, text)) / len(text) if text else 0.0


def _common_score(char: str) -> float:
    code = ord(char)
    if code < 0x80:
        return 1.0 if char.isprintable() or char in "\t\r\n" else -2.0
    if code < 0x250:
        return 0.8 if char.isalpha() or char in _PUNCTUATION else 0.0
    if 0x3000 <= code < 0x3100 or 0xFF00 <= code < 0xFFF0 or char in _PUNCTUATION:
        return 1.0  # CJK punctuation, kana, full-width forms
    if 0x4E00 <= code < 0xA000:
        return 1.0 if _common(char) else -0.3
    if 0x370 <= code < 0x600:
        return 0.8  # Greek, Cyrillic, Hebrew
    # Unassigned, private or surrogate: the bytes are no text in this encoding.
    return -1.0 if char == "\ufffd" or unicodedata.category(char) in {"Cn", "Co", "Cs"} else -0.5


def _common(char: str) -> bool:
    simplified, traditional = char.encode("gb2312", "ignore"), char.encode("big5", "ignore")
    return bool((simplified and simplified[0] <= 0xD7) or (traditional and traditional[0] <= 0xC6))
