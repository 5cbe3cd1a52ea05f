"""Awkward files and what each must read as: built here, byte by byte, so that a reader sees what is awkward."""

from __future__ import annotations

from tests.data.corpus.archives import ARCHIVES
from tests.data.corpus.case import Case
from tests.data.corpus.delimited import DELIMITED
from tests.data.corpus.documents import DOCUMENTS
from tests.data.corpus.encodings import ENCODED
from tests.data.corpus.lines import LINES
from tests.data.corpus.workbooks import WORKBOOKS

CASES: tuple[Case, ...] = (*ENCODED, *DELIMITED, *LINES, *DOCUMENTS, *WORKBOOKS, *ARCHIVES)
