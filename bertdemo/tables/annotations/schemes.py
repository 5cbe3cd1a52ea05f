"""Tags of words in the schemes that people use: BIO, IOB1, IO, IOE, BIOES, BILOU, BMES; and tags that mean "outside".

Which scheme a file uses is decided over all of its tags.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

OUTSIDE = "O"
# The prefixes of BIO, IOB1, BIOES and BILOU, and M ("middle") and W ("whole") of BMES and BMEWO.
TAG = re.compile(r"([BIESLUMW])[-_](.+)", re.DOTALL)
# What people write for a word outside of every entity, folded.
_OUTSIDE_WORDS = frozenset({"o", "", "_", "-", "0", "other", "others", "none", "null", "nil", "out", "outside", "nan"})
# A file's own word for "outside" is on so many of its words: entities are rarer than the rest of a text.
_USUAL = 0.3
# More different tags than a file has; millions of words have one of them each.
_DISTINCT = 4096
# These begin an entity, or are one.
_BEGINNINGS = "BSUW"


@lru_cache(_DISTINCT)
def is_outside(tag: str, outside: str = "") -> bool:
    """Return whether a tag means that a word is in no entity; `outside` is the file's own word for it."""
    tag = tag.strip()
    return tag.casefold() in _OUTSIDE_WORDS or (bool(outside) and tag == outside)


@lru_cache(_DISTINCT)
def is_known(tag: str, outside: str = "") -> bool:
    """Return whether a tag is of a known scheme or means "outside"."""
    return is_outside(tag, outside) or TAG.fullmatch(tag.strip()) is not None


def own_outside(counts: Counter[str]) -> str:
    """Return a file's own word for "outside": its only tag without a prefix, on many words; else ""."""
    bare = [tag for tag in counts if not is_known(tag)]
    usual = any(is_outside(tag) and tag.strip() not in {"", "-", "_"} for tag in counts)
    prefixed = any(TAG.fullmatch(tag.strip()) for tag in counts)
    if usual or not prefixed or len(bare) != 1 or bare[0].strip().isdigit():
        return ""
    return bare[0].strip() if counts[bare[0]] >= _USUAL * counts.total() else ""


@lru_cache(_DISTINCT)
def parts(tag: str) -> tuple[str, str]:
    """Return the prefix of a tag and the kind of entity, ("", "") for one outside of entities."""
    match = TAG.fullmatch(tag.strip())
    return (match[1], match[2].strip()) if match else ("", "")


def inside_begins(sentences: Iterable[Sequence[str]]) -> bool:
    """Return whether an I- or E- begins an entity without a B-: in IO, IOB1 and IOE.

    In IOB1 a B- stands only between two neighbors of one type. A B- anywhere else is that of BIO.
    """
    for tags in sentences:
        kind = ""
        for tag in tags:
            prefix, name = parts(tag)
            if prefix and prefix in _BEGINNINGS and name != kind:
                return False
            kind = name
    return True
