"""The rows that a model got wrong: a short list, a table of all of them, and the cells of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.i18n.translation import has, percent, plural, thousands, translate
from bertdemo.runs.evaluation import Evaluation, Mistake
from bertdemo.tasks.results import Degree
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import around, caption, join, short, spans

# Rows of the table on the page; the CSV file has all.
SHOWN_MISTAKES = 500
# The texts of the shown mistakes are shown whole up to this many characters in all, above it only their beginnings.
_TABLE_CHARS = 100_000
# Characters of one text in the list, and of a passage around an answer.
_TEXT_CHARS = 240
# Mistakes in the short list below a training.
_LISTED_MISTAKES = 3
# Columns of a file of mistakes beside the texts; the number in the last depends on the task.
_CELLS = ("row", "label", "predicted", "confidence")
# Columns of the table that are too narrow for a long label.
_CLIPPED = ("label", "predicted")
# Stored in an evaluation where nothing is marked, answered or chosen.
NOTHING = "–"


def mistake_list(mistakes: Sequence[Mistake], lang: str, task: str = "") -> str:
    """Draw the first three mistakes, and how many there are."""
    if not mistakes:
        return caption(translate(lang, "result.no_mistakes"))
    sentence = task_key("result.mistake", task)
    items = []
    for mistake in mistakes[:_LISTED_MISTAKES]:
        words = translate(
            lang,
            sentence,
            label=_word(mistake.label, mistake, lang),
            predicted=_word(mistake.predicted, mistake, lang),
            sure=_degree(mistake.degree, 0),
        )
        items.append(f"<li>{_quoted(mistake)}<span>{esc(words)}</span></li>")
    first = caption(plural(lang, task_key("result.three_of", task), len(mistakes)))
    return f'{first}<ul class="bd-mistakes">{join(items)}</ul>'


def mistake_table(evaluation: Evaluation, lang: str, task: str = "") -> str:
    """Draw up to SHOWN_MISTAKES mistakes; the text has the width, labels are narrow."""
    mistakes, total = evaluation.mistakes[:SHOWN_MISTAKES], len(evaluation.mistakes)
    pairs = any(mistake.pair for mistake in mistakes)
    names = ("row", "text", *(["pair"] if pairs else []), "label", "predicted", "confidence")
    headers = {name: translate(lang, task_key(f"result.column.{name}", task)) for name in names}
    most = None if sum(len(mistake.text) for mistake in mistakes) <= _TABLE_CHARS else _TEXT_CHARS
    head = join(f'<th scope="col" class="{name}">{esc(header)}</th>' for name, header in headers.items())
    body = join(f"<tr>{_cells(mistake, headers, most, lang)}</tr>" for mistake in mistakes)
    # Without labels, what is wanted and what was predicted are texts, which need room as well.
    look = "" if evaluation.labels or evaluation.per_label else f" of-texts{' of-pairs' if pairs else ''}"
    drawn = (
        f'<div class="bd-mistake-table{look}"><div class="bd-scroll" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )
    if total <= len(mistakes):
        return drawn
    more = translate(lang, "result.more_mistakes", shown=thousands(len(mistakes)), n=thousands(total))
    return drawn + caption(more)


def _cells(mistake: Mistake, headers: Mapping[str, str], most: int | None, lang: str) -> str:
    """Draw the cells of one row; `data-name` is what stands before a cell where the columns have no room."""
    values = {
        "row": thousands(mistake.row),
        "text": mistake.text if most is None else short(mistake.text, most),
        "pair": short(mistake.pair, _TEXT_CHARS),
        "label": _word(mistake.label, mistake, lang),
        "predicted": _word(mistake.predicted, mistake, lang),
        "confidence": _degree(mistake.degree),
    }
    return join(
        f'<td class="{name}" data-name="{esc(header)}" title="{esc(values[name]) if name in _CLIPPED else ""}">'
        f"<span>{esc(values[name])}</span></td>"
        for name, header in headers.items()
    )


def mistake_cells(
    mistakes: Sequence[Mistake], reads: Sequence[str], task: str, lang: str
) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of all mistakes as a file: every role that the task reads, and the unrounded number."""
    # In lower case, as the roles are and as a program that reads the file expects.
    headers = {name: translate(lang, task_key(f"result.column.{name}", task)).lower() for name in _CELLS}
    header = [headers.pop("row"), *(translate(lang, f"role_word.{role}") for role in reads), *headers.values()]
    rows = [[str(m.row), *(m.text, m.pair)[: len(reads)], m.label, m.predicted, _number(m.degree)] for m in mistakes]
    return header, rows


def task_key(key: str, task: str) -> str:
    """Return the key of the message that a task has for itself: not every mistake is a wrong label."""
    own = f"{key}_{task}"
    return own if has(own) or has(f"{own}.other") else key


def documents_before(degree: Degree) -> int:
    """Return how many documents came before the right one; `degree` is a rank."""
    return round(degree.value) - 1


def _word(word: str, mistake: Mistake, lang: str) -> str:
    """Return a label or a prediction in words where it is nothing."""
    if word != NOTHING:
        return word
    of_spans = mistake.true_spans or mistake.predicted_spans
    return translate(lang, f"result.no_{'label' if not of_spans else 'answer' if mistake.pair else 'entity'}")


def _degree(degree: Degree, digits: int = 1) -> str:
    """Return how bad a mistake is; for a search, how many documents came before the right one."""
    return thousands(documents_before(degree)) if degree.kind == "rank" else percent(degree.value, digits)


def _number(degree: Degree) -> str:
    return str(documents_before(degree)) if degree.kind == "rank" else f"{degree.value:.6f}"


def _quoted(mistake: Mistake) -> str:
    """Draw the text, and the second one where there is one, with the spans that the model predicted."""
    if not (mistake.predicted_spans or mistake.true_spans):
        texts = (short(text, _TEXT_CHARS) for text in (mistake.text, mistake.pair) if text)
        return join(f"<q>{esc(text)}</q>" for text in texts)
    marks = [(span.start, span.end, span.label, "") for span in mistake.predicted_spans]
    if not mistake.pair:
        return spans(mistake.text, marks)
    # Of a passage only the part around the predicted answer, or around the right one where none was predicted.
    center = (mistake.predicted_spans or mistake.true_spans)[0]
    passage = spans(*around(mistake.pair, marks, (center.start, center.end), _TEXT_CHARS))
    return f"<q>{esc(short(mistake.text, _TEXT_CHARS))}</q>{passage}"
