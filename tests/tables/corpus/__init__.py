"""Awkward files and what each must read as: built here, byte by byte, so that a reader sees what is awkward."""

from __future__ import annotations

from tests.tables.corpus.annotations import ANNOTATIONS
from tests.tables.corpus.archives import ARCHIVES
from tests.tables.corpus.case import Case
from tests.tables.corpus.columnar import COLUMNAR
from tests.tables.corpus.delimited import DELIMITED
from tests.tables.corpus.dialects import DIALECTS
from tests.tables.corpus.documents import DOCUMENTS
from tests.tables.corpus.encodings import ENCODED
from tests.tables.corpus.foreign import FOREIGN
from tests.tables.corpus.lines import LINES
from tests.tables.corpus.widths import WIDTHS
from tests.tables.corpus.workbooks import WORKBOOKS

CASES: tuple[Case, ...] = (
    *ENCODED,
    *FOREIGN,
    *COLUMNAR,
    *DELIMITED,
    *DIALECTS,
    *WIDTHS,
    *LINES,
    *DOCUMENTS,
    *ANNOTATIONS,
    *WORKBOOKS,
    *ARCHIVES,
)
