"""The endpoints for programs, as the README lists them; the page's own listeners are private.

Files go in and out through hidden gr.File components: those check that a path is one that the caller uploaded,
while a plain function would get any string unchecked. Everything else is checked here, since neither way checks
types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import gradio as gr
from gradio.blocks import Block
from gradio.events import api

from bertdemo import tasks
from bertdemo.analysis import report
from bertdemo.analysis.baseline_cache import as_fields
from bertdemo.anatomy.tokens import to_api, trace
from bertdemo.dataset.dataset_cache import rows_key
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.errors import ArgumentWrong, HeadMissing, PairNotRead, TextTooLong
from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs.admission import preparation_of, resolve_columns
from bertdemo.runs.registry import RunView
from bertdemo.runs.request import RunRequest, resolve_defaults
from bertdemo.services import Services
from bertdemo.serving.files import predict_file
from bertdemo.serving.inspector import Question
from bertdemo.serving.predictor import POOLINGS
from bertdemo.sharing.archive import export_zip
from bertdemo.ui.api.arguments import (
    check,
    check_list,
    check_texts,
    columns_by_role,
    identifier,
    request_of,
    uploaded,
)
from bertdemo.ui.api.serializers import (
    Json,
    finding_fields,
    inspection_fields,
    length_fields,
    note_fields,
    status_fields,
    summary_fields,
)
from bertdemo.ui.inference.search_panel import documents_of
from bertdemo.ui.localized import guarded

# Rows on which the baselines of a check are evaluated: embedding all 10,003 rows of banking77 takes 45 seconds.
_BASELINE_ROWS = 2_000
# Fields of CheckpointInfo in the answer of /checkpoints.
_CHECKPOINT_FACTS = (
    "id", "name", "source", "task", "labels", "layers", "width", "heads", "parameters", "language", "can", "cannot",
)  # fmt: skip
# Endpoints that take or return a file; Gradio can call the others as plain functions.
_WITH_FILES = ("check_data", "start_run", "predict_file", "search", "export")


class Endpoints:
    """One method per endpoint; names, order and defaults of the arguments are those of the API.

    Every method raises the BertDemoError of what a caller did wrong; an argument of another type is an ArgumentWrong.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = services.settings.limits

    def new_owner(self) -> Json:
        """Create an owner key, a secret that owns runs and trained checkpoints. Returns `{owner}`."""
        return {"owner": self._services.new_owner()}

    def checkpoints(self, owner: str = "") -> list[Json]:
        """List the checkpoints that this owner can use, and what each can and cannot do."""
        answers = []
        for info in self._services.catalogue.list(self._owner(owner, optional=True)):
            task = tasks.for_checkpoint(info)
            facts = {**asdict(info), "task": task.id if task else None}
            answers.append({name: facts[name] for name in _CHECKPOINT_FACTS})
        return answers

    def tokenize(
        self, text: str, pair: str = "", checkpoint: str = "bundled", max_length: int = 0, owner: str = ""
    ) -> Json:
        """Return the token sequence that BERT reads.

        [SEP] in `text` is plain text. `max_length` 0 is the model's own maximum.
        """
        check_texts(text, pair)
        for value in (text, pair):
            if len(value) > self._limits.text_chars:
                raise TextTooLong(chars=len(value), limit=self._limits.text_chars)
        check("max_length", max_length, int, "0, 2 … max_position_embeddings")
        key = self._owner(owner, optional=True)
        info = self._services.catalogue.describe(identifier(checkpoint), key)
        if max_length and not 2 <= max_length <= info.positions:
            raise ArgumentWrong(name="max_length", expected=f"0, 2 … {info.positions}")
        tokenizer = self._services.catalogue.tokenizer(info.id, key)
        return to_api(trace(tokenizer, text, pair, checkpoint=info.id, max_length=max_length, positions=info.positions))

    def inspect(
        self,
        text: str,
        pair: str = "",
        checkpoint: str = "bundled",
        layer: int = 1,
        head: int = 1,
        owner: str = "",
    ) -> Json:
        """Return one attention head, the pooled vectors, and how far the formulas are from the model's numbers.

        `layer` and `head` count from 1. `attention` and `scores` (before softmax) are n by n: rows are queries,
        columns are keys.
        """
        pair = "" if pair is None else pair  # a raw call may send null
        check_texts(text, pair)
        for name, number in (("layer", layer), ("head", head)):
            check(name, number, int, "integer ≥ 1")
        key = self._owner(owner, optional=True)
        question = Question(text, pair, identifier(checkpoint))
        inspector = self._services.inspector
        with self._services.inspections.hold():
            return inspection_fields(inspector.look(question, key), inspector.head(question, key, layer, head))

    def embed(
        self, texts: list[str], checkpoint: str = "bundled", pooling: str = "mean", owner: str = ""
    ) -> list[list[float]]:
        """Return one vector per text, not normalized. `pooling` is cls, mean or max."""
        check("pooling", pooling, str, ", ".join(POOLINGS))
        check_list("texts", texts)
        return self._services.predictor.embed(texts, identifier(checkpoint), pooling, self._owner(owner, optional=True))

    def check_data(
        self,
        file: str,
        task: str = "",
        columns: Json | None = None,
        preparation: Json | None = None,
        owner: str = "",
    ) -> Json:
        """Return what a table contains, its problems, the suggested settings and the scores of the baselines.

        The baselines are evaluated on at most 2,000 rows, with the bundled model's embeddings. If a check fails, there
        is only the majority-class baseline. `preparation` is as in /start_run.
        """
        self._owner(owner, optional=True)
        prepared = self._prepared(request_of(file, task, columns, preparation))
        catalogue = self._services.catalogue
        info = catalogue.describe("bundled", "")
        examined = report.examine(
            prepared,
            tokenizer=self._services.datasets.tokenizer(prepared, catalogue.tokenizer("bundled", "")),
            limits=self._limits,
            positions=info.positions,
        )
        if not prepared.task.categories and not examined.usable_rows:
            prepared.check(self._limits.labels)  # raises, with the first row that cannot be used
        config = resolve_defaults(
            RunConfig(),
            train_rows=examined.split["train"],
            parameters=info.parameters,
            suggested_length=examined.lengths.suggested,
            labels=len(examined.labels),
            step_multiplier=prepared.task.step_multiplier,
            can_probe=prepared.task.can_freeze,
        )
        return {
            "task": examined.task,
            "columns": dict(examined.columns),
            "rows": examined.rows,
            "labels": [{"label": label, "rows": rows} for label, rows in examined.labels] or None,
            "findings": [*map(finding_fields, examined.findings), *map(note_fields, prepared.table.notes)],
            "lengths": length_fields(examined.lengths),
            "suggested": asdict(config),
            "baseline": self._baseline_fields(prepared, examined),
        }

    def _baseline_fields(self, prepared: PreparedDataset, examined: report.Report) -> Json:
        """Return the scores of the baselines by kind; only the majority class where a check has failed."""
        failed = any(finding.level == "fail" for finding in examined.findings)
        scores = [] if failed else self._services.baselines.compute(prepared, "bundled", "", most=_BASELINE_ROWS)
        fields: Json = {**as_fields(scores)}
        fields.pop("majority", None)
        if not prepared.task.categories:
            return fields
        label, share = examined.majority
        return {"majority": {"label": label, "value": share}, **fields}

    def start_run(
        self,
        file: str,
        task: str = "",
        columns: Json | None = None,
        config: Json | None = None,
        checkpoint: str = "bundled",
        validation_file: str | None = None,
        test_file: str | None = None,
        preparation: Json | None = None,
        owner: str = "",
    ) -> Json:
        """Queue a training run. Returns `{run_id}` at once.

        `config` sets hyper-parameters; `{"method": "regression"}` trains a linear probe on the frozen encoder.
        Without `method` the recipe is chosen for the data, as on the page: contrastive tuning below 16 training rows
        per label in classification, otherwise fine-tuning.
        `preparation` may contain `cleaning` (a list of steps), `relabel` (row number to label, "" to leave the row
        out), `parse` (encoding, delimiter, quote, header, sheet, split) and `split_seed`.
        """
        check("config", {} if config is None else config, dict, '{"epochs": 3, …}')
        request = replace(
            request_of(file, task, columns, preparation),
            checkpoint=identifier(checkpoint),
            config=RunConfig.from_fields(config or {}),
            validation=str(uploaded(validation_file)) if validation_file else None,
            validation_name=Path(validation_file).name if validation_file else None,
            test=str(uploaded(test_file)) if test_file else None,
            test_name=Path(test_file).name if test_file else None,
        )
        key = self._owner(owner)
        chosen_task, chosen_columns, _ = resolve_columns(request, self._services.datasets)
        rows = rows_key(preparation_of(request), chosen_task, chosen_columns)
        known = as_fields(self._services.baselines.remembered(rows, request.checkpoint, most=_BASELINE_ROWS))
        return {"run_id": self._services.admission.start(replace(request, baselines=known), key)}

    def run_status(self, run_id: str, owner: str = "") -> Json:
        """Return the state, progress and metrics of a run; while it is queued, how many are ahead and for how long."""
        view = self._view(run_id, owner)
        return status_fields(view, self._services.dispatcher.place_of(view))

    def runs(self, owner: str = "") -> list[Json]:
        """List this owner's runs, newest first."""
        key, registry = self._owner(owner), self._services.registry
        return [summary_fields(registry.summary(run_id, key)) for run_id in registry.ids(key)]

    def cancel_run(self, run_id: str, owner: str = "") -> Json:
        """Stop a run and keep its best weights. Returns its `{state}` at the time of the call."""
        return {"state": self._services.dispatcher.cancel(identifier(run_id, "run_id"), self._owner(owner))}

    def resume_run(self, run_id: str, not_exact: bool = False, owner: str = "") -> Json:
        """Resume a run that was stopped, was interrupted or failed, from its last checkpoint. Returns its `{state}`.

        It ends with the weights of an uninterrupted run. If versions, threads, the device or the data have changed, it
        fails and names the change, unless `not_exact` is true.
        """
        check("not_exact", not_exact, bool, "true, false")
        key = self._owner(owner)
        return {"state": self._services.dispatcher.resume(identifier(run_id, "run_id"), key, not_exact=not_exact)}

    def delete_run(self, run_id: str, owner: str = "") -> Json:
        """Delete a run and its checkpoint. Returns the `{state}` that it had."""
        state = self._view(run_id, owner).state
        self._services.dispatcher.delete(run_id, self._owner(owner))
        self._services.forget(run_id)
        return {"state": state}

    def predict(self, text: str, pair: str = "", checkpoint: str = "bundled", owner: str = "") -> Json:
        """Return the prediction for a text, and that of the same model with its head before training.

        `truncated` says whether the text is longer than what the model reads.
        """
        key = self._owner(owner, optional=True)
        pair = "" if pair is None else pair
        check_texts(text, pair)
        self._check_pair(pair, identifier(checkpoint), key)
        try:
            answer = self._services.predictor.predict(text, pair, identifier(checkpoint), key)
        except HeadMissing as error:
            info = self._services.catalogue.describe(checkpoint, key)
            message = translate(DEFAULT, error.message_key, **error.values)
            output = {"can": list(info.can), "message": message}
            return {"task": None, "checkpoint": info.id, "output": output, "before": None, "truncated": False}
        return {
            "task": answer.task,
            "checkpoint": answer.checkpoint,
            "output": answer.output.to_api(),
            "before": answer.before.to_api() if answer.before else None,
            "truncated": answer.truncated,
        }

    def predict_file(self, file: str, checkpoint: str = "bundled", columns: Json | None = None, owner: str = "") -> str:
        """Return a CSV (`utf-8-sig`) with the rows in their order and the columns `prediction` and `confidence`.

        An empty row between two rows keeps its place, without a prediction; empty rows at the end are left out, and so
        are lines without any character in a file with several columns. `truncated` has `yes` where the model reads
        less than the whole text. A cell that begins with =, +, - or @, a formula to a spreadsheet, gets an apostrophe.
        """
        path = uploaded(file)
        with self._services.result_file(f"{path.stem[:80]}-predictions.csv", identifier(checkpoint)) as target:
            predict_file(
                path,
                path.name,
                target,
                predictor=self._services.predictor,
                catalogue=self._services.catalogue,
                checkpoint=identifier(checkpoint),
                owner=self._owner(owner, optional=True),
                columns=columns_by_role(columns),
                table_cache=self._services.table_cache,
            )
        return str(target)

    def search(
        self,
        query: str,
        documents: list[str] | None = None,
        checkpoint: str = "bundled",
        top_k: int = 10,
        file: str | None = None,
        owner: str = "",
    ) -> list[Json]:
        """Rank documents by semantic search. Returns `[{rank, row, score, text}]`.

        Rows count from 1; `score` is a cosine. The documents are a list of texts, or the main text column of a file.
        """
        key = self._owner(owner, optional=True)
        check("query", query, str, "string")
        check("top_k", top_k, int, "1 … 100")
        if file:
            path = uploaded(file)
            texts = documents_of(self._services, str(path))
        else:
            texts = [] if documents is None else documents
            check_list("documents", texts)
        rankings = self._services.searcher.search(query, texts, identifier(checkpoint), key, top_k)
        return [asdict(hit) for hit in rankings.by_meaning]

    def export(self, checkpoint: str, format: str = "zip", owner: str = "") -> str:
        """Return a trained checkpoint as a zip: weights, tokenizer, card, the run's configuration and metrics.

        With `format` script: a Python script that repeats the run, the rows that it reads, and the commands.
        """
        if format not in ("zip", "script"):
            raise ArgumentWrong(name="format", expected="zip, script")
        name = identifier(checkpoint)
        if format == "script":
            return str(self._services.script_zip_of(name, self._owner(owner)))
        with self._services.result_file("bertdemo-checkpoint.zip", name) as target:
            return str(export_zip(name, self._owner(owner), self._services.catalogue, target))

    def _prepared(self, request: RunRequest) -> PreparedDataset:
        """Return the dataset of a request."""
        task, columns, table = resolve_columns(request, self._services.datasets)
        task.check_columns(table, columns)
        return self._services.datasets.get(preparation_of(request), task, columns)

    def _check_pair(self, pair: str, checkpoint: str, key: str) -> None:
        """Raise PairNotRead where a second text came for a model that reads one."""
        task = tasks.for_checkpoint(self._services.catalogue.describe(checkpoint, key)) if pair.strip() else None
        if task is not None and not task.reads_pairs:
            raise PairNotRead(task=task.id)

    def _view(self, run_id: str, owner: str) -> RunView:
        return self._services.registry.read(identifier(run_id, "run_id"), self._owner(owner))

    def _owner(self, key: str, *, optional: bool = False) -> str:
        """Return the owner; without a key, only what has no owner is accessible."""
        key = "" if key is None else key
        check("owner", key, str, "string, /new_owner")
        return self._services.owner(key, optional=optional)


def build_api(services: Services) -> None:
    """Add the endpoints to the page under construction."""
    calls = Endpoints(services)
    for name in vars(Endpoints):
        if not name.startswith("_") and name not in _WITH_FILES:
            call = getattr(calls, name)
            api(guarded(call), api_name=name, api_description=call.__doc__)
    # Invisible, but in the page: only a component checks that a path was uploaded by its caller.
    with gr.Row(visible=False):
        _with_files(calls)


def _with_files(calls: Endpoints) -> None:
    """Add the endpoints that take or give a file, as listeners on components."""
    # One component per argument, shared by the endpoints; its value is the default that the API documents.
    file, task, columns, owner = gr.File(), gr.Textbox(value=""), gr.JSON(value={}), gr.Textbox(value="")
    config, checkpoint = gr.JSON(value={}), gr.Textbox(value="bundled")
    validation, test, preparation = gr.File(), gr.File(), gr.JSON(value={})
    query, documents, top_k = gr.Textbox(), gr.JSON(value=[]), gr.Number(value=10, precision=0)
    format_, exported = gr.Textbox(value="zip"), gr.Textbox()
    answer, result, press = gr.JSON(), gr.File(), gr.Button()

    def listen(fn: Callable[..., object], inputs: Sequence[Block], output: Block) -> None:
        press.click(guarded(fn), inputs, output, api_name=fn.__name__, api_description=fn.__doc__)

    listen(calls.check_data, [file, task, columns, preparation, owner], answer)
    listen(calls.start_run, [file, task, columns, config, checkpoint, validation, test, preparation, owner], answer)
    listen(calls.predict_file, [file, checkpoint, columns, owner], result)
    listen(calls.search, [query, documents, checkpoint, top_k, file, owner], answer)
    listen(calls.export, [exported, format_, owner], result)
