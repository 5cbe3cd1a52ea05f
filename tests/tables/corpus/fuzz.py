"""Files that nobody made on purpose: those of the corpus with bytes changed, cut out, doubled and mixed."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator

from tests.tables.corpus import CASES
from tests.tables.corpus.case import packed

_LARGEST = 20_000
_TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b'""', b"\n", b"\r", b"\r\n", b",", b"\t", b";", b"{", b"[", b"]",
    b"}", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1a", b"\\u0000", b"1e999", b"NaN", b"__label__", b"O\n", b"B-X\n",
    b"\xe2\x80\xa8", b"\x85", b'"' * 99, b"[" * 3000, b"PK\x03\x04", b"PAR1", b"\xff" * 8, b"\x7f\xff\xff\xff",
)  # fmt: skip


def cases(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content); the same for the same seed."""
    rng = random.Random(seed)
    seeds = [case for case in CASES if 0 < len(case.content) <= _LARGEST]
    endings = sorted({f".{case.name.rsplit('.', 1)[-1]}" for case in seeds})
    for _ in range(count):
        case = rng.choice(seeds)
        ending = f".{case.name.rsplit('.', 1)[-1]}" if rng.random() < 0.8 else rng.choice(endings)
        content = case.content
        # A zip with a changed byte is only a broken zip: what is inside is changed, and packed well again.
        if content.startswith(b"PK") and rng.random() < 0.7:
            content = _changed_inside(content, rng)
        else:
            content = changed(content, rng, rng.choice(seeds).content)
        yield f"fuzz{ending}", content


def changed(content: bytes, rng: random.Random, other: bytes = b"") -> bytes:
    """Return the bytes after one to eight changes."""
    made = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(made) + 1)
        end = min(len(made), place + rng.randint(1, 30))
        match rng.randrange(7):
            case 0:
                made[place:end] = bytes(rng.randrange(256) for _ in range(end - place))
            case 1:
                del made[place:end]
            case 2:
                made[place:place] = made[place:end] * rng.randint(1, 40)
            case 3:
                made[place:place] = rng.choice(_TOKENS)
            case 4:
                del made[max(1, place) :]
            case 5:
                made[place:end] = other[place : place + 200]
            case _:
                if place < len(made):
                    made[place] ^= 1 << rng.randrange(8)
    return bytes(made)


def _changed_inside(content: bytes, rng: random.Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {item.filename: archive.read(item) for item in archive.infolist()}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return changed(content, rng)
    if not members:
        return changed(content, rng)
    chosen = rng.choice(sorted(members))
    members[chosen] = changed(members[chosen], rng)
    return packed(members)
