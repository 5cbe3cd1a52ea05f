"""Every endpoint of the design, called as a program calls it: by name, with defaults, through Gradio's own client."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from bertdemo.checkpoints import bundled
from tests.api.caller import Caller
from tests.api.conftest import ROWS, Trained, review_rows, write_rows
from tests.e2e.server import Server

ARGUMENTS: dict[str, dict[str, Any]] = {
    "new_owner": {},
    "checkpoints": {"owner": ""},
    "tokenize": {"text": ..., "pair": "", "checkpoint": "bundled", "max_length": 0, "owner": ""},
    "inspect": {"text": ..., "pair": "", "checkpoint": "bundled", "layer": 1, "head": 1, "owner": ""},
    "embed": {"texts": ..., "checkpoint": "bundled", "pooling": "mean", "owner": ""},
    "check_data": {"file": ..., "task": "", "columns": {}, "preparation": {}, "owner": ""},
    "start_run": {
        "file": ..., "task": "", "columns": {}, "config": {}, "checkpoint": "bundled", "validation_file": None,
        "test_file": None, "preparation": {},
        "owner": "",
    },
    "run_status": {"run_id": ..., "owner": ""},
    "runs": {"owner": ""},
    "cancel_run": {"run_id": ..., "owner": ""},
    "resume_run": {"run_id": ..., "not_exact": False, "owner": ""},
    "delete_run": {"run_id": ..., "owner": ""},
    "predict": {"text": ..., "pair": "", "checkpoint": "bundled", "owner": ""},
    "predict_file": {"file": ..., "checkpoint": "bundled", "columns": {}, "owner": ""},
    "search": {"query": ..., "documents": [], "checkpoint": "bundled", "top_k": 10, "file": None, "owner": ""},
    "export": {"checkpoint": ..., "format": "zip", "owner": ""},
}  # fmt: skip
"""The design's table of endpoints as far as it is built; `...` marks an argument that has to be given."""

TOKENS = {
    "tokens", "ids", "type_ids", "position_ids", "attention_mask", "special", "unknown", "offsets", "word_ids",
    "sequence_ids", "normalized", "truncated",
}  # fmt: skip
STATUS = {
    "state", "progress", "seconds_left", "ahead", "wait_seconds", "step", "steps", "metrics", "baseline", "checkpoint",
    "message",
}  # fmt: skip
CHECKPOINT = {
    "id", "name", "source", "task", "labels", "layers", "width", "heads", "parameters", "language", "can", "cannot",
}  # fmt: skip


@pytest.fixture(scope="module")
def client(local: Server) -> Client:
    return Client(local.url, verbose=False)


# --- the list of endpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["local", "space"])
def test_the_public_endpoints_are_exactly_those_of_the_design(where: str, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(where).url)
    info = caller.http.get("/gradio_api/info").json()
    assert info["unnamed_endpoints"] == {}
    assert set(caller.endpoints) == set(ARGUMENTS)
    for name, wanted in ARGUMENTS.items():
        found = {
            parameter["parameter_name"]: parameter["parameter_default"] if parameter["parameter_has_default"] else ...
            for parameter in caller.endpoints[name]
        }
        assert found == wanted, name
        assert list(found) == list(wanted), name
        assert info["named_endpoints"][f"/{name}"]["description"], name


# --- without a run ------------------------------------------------------------------------------------------


def test_an_owner_is_a_long_secret_and_new_at_every_call(client: Client) -> None:
    first, second = (client.predict(api_name="/new_owner") for _ in range(2))
    assert set(first) == {"owner"}
    assert first != second
    assert len(first["owner"]) == 43


def test_checkpoints_say_what_they_are(client: Client) -> None:
    found = client.predict(api_name="/checkpoints")
    by_id = {item["id"]: item for item in found}
    assert all(set(item) == CHECKPOINT for item in found)
    assert {item["source"] for item in found} >= {"bundled", "local", "hub"}
    assert found[0]["id"] == "bundled"
    assert by_id["bundled"]["parameters"] == 22_713_216
    assert (by_id["local:tiny"]["layers"], by_id["local:tiny"]["width"], by_id["local:tiny"]["heads"]) == (2, 32, 2)
    for item in found:
        assert not set(item["can"]) & set(item["cannot"])
        assert "labels" in item["cannot"] or item["labels"]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("A film about embarrassing phone calls.", ""),
        ("typed [SEP] and [MASK] are plain text, [CLS] too", ""),
        ("naïve café — 我喜欢这部电影 🎬", ""),
        ("", ""),
        ("one [MASK]", "and [SEP] two"),
        ("tab\tand\x00control\u200bmarks", "İstanbul ß"),
    ],
)
def test_tokenize_gives_what_transformers_gives_with_split_special_tokens(client: Client, text: str, pair: str) -> None:
    from transformers import AutoTokenizer

    reference = AutoTokenizer.from_pretrained(bundled.folder())
    wanted = reference(text, pair or None, split_special_tokens=True, truncation=False)
    found = client.predict(text=text, pair=pair, api_name="/tokenize")
    assert set(found) == TOKENS
    assert found["ids"] == wanted["input_ids"]
    assert found["type_ids"] == wanted["token_type_ids"]
    assert found["tokens"] == reference.convert_ids_to_tokens(wanted["input_ids"])
    assert found["position_ids"] == list(range(len(found["ids"])))
    assert found["attention_mask"] == [1] * len(found["ids"])


def test_tokenize_needs_nothing_but_a_text(client: Client) -> None:
    found = client.predict("The cat sat.", api_name="/tokenize")
    size = len(found["ids"])
    assert all(len(found[name]) == size for name in TOKENS - {"normalized", "truncated"})
    assert found["special"] == [True, *[False] * (size - 2), True]
    assert found["offsets"][1] == [0, 3]
    assert found["normalized"] == ["the cat sat."]
    assert found["truncated"] == []


def test_tokenize_says_what_was_cut_with_another_checkpoint(client: Client) -> None:
    text = "the cat sat on the mat"
    found = client.predict(text=text, checkpoint="local:tiny", max_length=5, api_name="/tokenize")
    assert found["tokens"] == ["[CLS]", "the", "cat", "sat", "[SEP]"]
    assert found["truncated"] == [{"sequence": 0, "start": 12, "end": 22, "text": "on the mat"}]


def test_embed_gives_one_vector_a_text_and_does_not_normalize(client: Client) -> None:
    vectors = client.predict(texts=["a good film", "a bad book that i hate", "a good film"], api_name="/embed")
    assert [len(vector) for vector in vectors] == [384] * 3
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-4)
    assert abs(sum(x * x for x in vectors[0]) - 1) > 0.01
    first = {
        pooling: client.predict(texts=["a good film"], checkpoint="local:tiny", pooling=pooling, api_name="/embed")[0]
        for pooling in ("cls", "mean", "max")
    }
    assert {len(vector) for vector in first.values()} == {32}
    assert first["cls"] != first["mean"] != first["max"]
    assert client.predict(texts=[], api_name="/embed") == []


def test_a_checkpoint_without_a_head_says_what_it_can_do_instead(client: Client) -> None:
    found = client.predict(text="a good film", api_name="/predict")
    assert set(found) == {"task", "checkpoint", "output", "before", "truncated"}
    assert found["task"] is None
    assert found["before"] is None
    assert found["checkpoint"] == "bundled"
    assert "labels" not in found["output"]["can"]
    assert "embed" in found["output"]["can"]
    assert "no trained task head" in found["output"]["message"]


def test_check_data_says_what_a_table_is_and_what_is_wrong_with_it(client: Client, tmp_path: Path) -> None:
    rows = [*review_rows(40), ("the good film, number 0", "pos"), ("", "neg"), ("nothing said of this one", "")]
    path = write_rows(tmp_path / "odd.csv", rows, header=("what they wrote", "how it was"))
    found = client.predict(file=handle_file(path), api_name="/check_data")
    assert set(found) == {"task", "columns", "rows", "labels", "findings", "lengths", "suggested", "baseline"}
    assert found["task"] == "classification"
    assert found["columns"] == {"text": "what they wrote", "label": "how it was"}
    assert found["rows"] == 43
    assert found["labels"] == [{"label": "pos", "rows": 21}, {"label": "neg", "rows": 20}]
    assert found["baseline"]["majority"] == {"label": "pos", "value": pytest.approx(21 / 41)}
    for kind in ("tfidf", "frozen"):
        one = found["baseline"][kind]
        assert 0 <= one["low"] <= one["value"] <= one["high"] <= 1 and one["rows"] == 41
    codes = {item["code"]: item for item in found["findings"]}
    assert all(set(item) == {"level", "code", "message", "rows"} for item in found["findings"])
    assert {item["level"] for item in found["findings"]} <= {"pass", "warn", "fail"}
    assert codes["duplicates"]["rows"] == [42]
    assert codes["text_missing"]["rows"] == [43]
    assert codes["label_missing"]["rows"] == [44]
    assert found["lengths"]["suggested"] >= found["lengths"]["p99"]
    assert found["suggested"]["max_length"] == found["lengths"]["suggested"]
    assert found["suggested"]["epochs"] >= 3
    assert found["suggested"]["keep"] == "head"
    cut = {item["length"]: item["share"] for item in found["lengths"]["cut"]}
    assert set(cut) == {32, 64, 128, 256, 512, found["lengths"]["suggested"]} and cut[512] == 0
    assert "51.2%" in codes["balanced"]["message"]


def test_check_data_reports_one_class_and_too_few_rows_as_findings(client: Client, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "one.csv", [("good", "pos"), ("nice", "pos")])
    found = client.predict(
        file=handle_file(path), columns={"text": "text", "label": "label"}, task="classification",
        api_name="/check_data",
    )  # fmt: skip
    failed = {item["code"] for item in found["findings"] if item["level"] == "fail"}
    assert {"one_class", "too_few_rows"} <= failed


def test_check_data_names_a_row_where_no_answer_is_in_its_passage(client: Client, tmp_path: Path) -> None:
    rows = [
        {"question": f"Who is {at}?", "context": f"Passage {at}.", "answer": "FAKE", "answer_start": -1}
        for at in range(8)
    ]
    path = tmp_path / "test.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(Exception, match="Row 1: the answer “FAKE” is not found in its passage"):
        client.predict(file=handle_file(str(path)), api_name="/check_data")


def test_check_data_of_five_thousand_labels_is_answered_without_fitting_anything(
    client: Client, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "many.csv", [(f"r {i}", f"l{i % 5000}") for i in range(10_000)])
    columns = {"text": "text", "label": "label"}
    found = client.predict(file=handle_file(path), columns=columns, api_name="/check_data")
    failed = {item["code"]: item for item in found["findings"] if item["level"] == "fail"}
    assert failed["too_many_labels"]["rows"][:2] == [1002, 1003] and len(found["labels"]) == 5000
    assert set(found["baseline"]) == {"majority"}


# --- a whole run --------------------------------------------------------------------------------------------


def test_a_run_goes_from_start_to_finished_with_progress_that_never_falls(trained: Trained) -> None:
    progress = [status["progress"] for status in trained.statuses]
    steps = [status["step"] for status in trained.statuses]
    assert all(set(status) == STATUS for status in trained.statuses)
    assert progress == sorted(progress)
    assert steps == sorted(steps)
    assert all(0 <= share <= 1 for share in progress)
    order = {"queued": 0, "starting": 1, "running": 2, "finished": 3}
    ranks = [order[status["state"]] for status in trained.statuses if status["state"] != "interrupted"]
    assert ranks == sorted(ranks)
    last = trained.statuses[-1]
    assert (last["progress"], last["message"], last["seconds_left"]) == (1.0, None, None)
    assert last["step"] == last["steps"] > 1


def test_a_finished_run_has_metrics_with_intervals_and_the_majority_line(trained: Trained) -> None:
    last = trained.statuses[-1]
    assert set(last["metrics"]) == {"accuracy", "macro_f1"}
    for found in last["metrics"].values():
        assert set(found) == {"value", "low", "high"}
        assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
    assert 0.4 <= last["baseline"]["majority"] <= 0.6
    assert last["checkpoint"] == trained.run_id


def test_a_finished_run_and_its_checkpoint_are_listed(client: Client, trained: Trained) -> None:
    run = {item["run_id"]: item for item in client.predict(api_name="/runs")}[trained.run_id]
    assert set(run) == {"run_id", "name", "task", "state", "metric", "low", "high", "seconds"}
    assert (run["name"], run["task"], run["state"]) == ("reviews.csv", "classification", "finished")
    assert run["metric"] == trained.statuses[-1]["metrics"]["accuracy"]["value"]
    assert run["seconds"] > 0
    mine = {item["id"]: item for item in client.predict(api_name="/checkpoints")}[trained.run_id]
    assert (mine["source"], mine["task"], mine["labels"]) == ("trained", "classification", ["neg", "pos"])
    assert "labels" in mine["can"]


def test_predict_gives_labels_best_first_and_the_head_before_training(client: Client, trained: Trained) -> None:
    found = client.predict(text="the nice film", checkpoint=trained.run_id, api_name="/predict")
    assert set(found) == {"task", "checkpoint", "output", "before", "truncated"}
    for output in (found["output"], found["before"]):
        scores = [item["score"] for item in output["labels"]]
        assert {item["label"] for item in output["labels"]} == {"pos", "neg"}
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert found["output"] != found["before"]


def test_predict_file_keeps_the_rows_in_their_order(client: Client, trained: Trained, tmp_path: Path) -> None:
    odd = [('a quoted, "text"\nwith a line break', "x"), ("", "y"), *review_rows(70)]
    path = write_rows(tmp_path / "to predict.csv", odd, header=("text", "prediction"))
    given = client.predict(file=handle_file(path), checkpoint=trained.run_id, api_name="/predict_file")
    with Path(given).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["text"], row["prediction"]) for row in rows] == odd
    assert list(rows[0])[:4] == ["text", "prediction", "prediction (2)", "confidence"]
    assert (rows[1]["prediction (2)"], rows[1]["confidence"]) == ("", "")
    for row in rows[2:12]:
        alone = client.predict(text=row["text"], checkpoint=trained.run_id, api_name="/predict")
        best = alone["output"]["labels"][0]
        assert row["prediction (2)"] == best["label"]
        assert (row.get("truncated") == "yes") is alone["truncated"]
        assert float(row["confidence"]) == pytest.approx(best["score"], abs=1e-4)


def test_predict_file_reads_the_column_that_is_named(caller: Caller, trained: Trained, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "two.csv", [("the good film", "the awful film")], header=("first", "second"))
    found = caller.call("predict_file", file=caller.upload(path), checkpoint=trained.run_id, columns={"text": "second"})
    row = next(csv.DictReader(io.StringIO(caller.fetch(found.value).decode("utf-8-sig"))))
    said = caller.call("predict", text="the awful film", checkpoint=trained.run_id).value["output"]["labels"][0]
    assert row["prediction"] == said["label"]
    assert float(row["confidence"]) == pytest.approx(said["score"], abs=1e-4)


def test_what_the_model_does_not_read_is_refused_by_name(caller: Caller, trained: Trained, reviews: Path) -> None:
    told = caller.call("predict", text="a good film", pair="and another", checkpoint=trained.run_id)
    assert "takes one text" in str(told.error)
    columns = {"text": "text", "pair": "text"}
    told = caller.call("predict_file", file=caller.upload(reviews), checkpoint=trained.run_id, columns=columns)
    assert "“pair”" in str(told.error)
    told = caller.call("check_data", file=caller.upload(reviews), task="classification", columns=columns)
    assert "“pair”" in str(told.error)


def test_two_readings_that_are_as_good_are_named_with_the_arguments_that_choose_one(
    caller: Caller, tmp_path: Path
) -> None:
    moods, things = ("joy", "fear"), ("food", "cars", "food")
    rows = [(f"the lamp in room {i} hums a little", moods[i % 2], things[i % 3]) for i in range(24)]
    path = write_rows(tmp_path / "two.csv", rows, header=("text", "emotion", "topic"))
    told = caller.call("check_data", file=caller.upload(path))
    for column in ("emotion", "topic"):
        reading = {"task": "classification", "columns": {"text": "text", "label": column}}
        assert json.dumps(reading) in str(told.error)
        assert caller.call("check_data", file=caller.upload(path), **reading).value["columns"] == reading["columns"]
    partial = caller.call("check_data", file=caller.upload(path), columns={"label": "topic"}).value
    assert partial["columns"] == {"text": "text", "label": "topic"}


def test_columns_of_0_and_1_are_checked_as_one(caller: Caller, tmp_path: Path) -> None:
    rows = [(f"the lamp in room {i} hums a little", str(i % 2), str(i % 3 // 2)) for i in range(24)]
    path = write_rows(tmp_path / "flags.csv", rows, header=("text", "loud", "hot"))
    for columns in ({}, {"label": "*"}, {"text": "text", "label": "*"}):
        found = caller.call("check_data", file=caller.upload(path), task="multi_label", columns=columns).value
        assert {row["label"]: row["rows"] for row in found["labels"]} == {"loud": 12, "hot": 8}


def test_export_holds_weights_tokenizer_card_configuration_and_metrics(client: Client, trained: Trained) -> None:
    path = client.predict(checkpoint=trained.run_id, api_name="/export")
    with zipfile.ZipFile(path) as archive:
        assert {"config.json", "model.safetensors", "tokenizer.json", "card.json", "run.json", "metrics.json"} <= set(
            archive.namelist()
        )
        assert json.loads(archive.read("metrics.json"))["accuracy"] == trained.statuses[-1]["metrics"]["accuracy"]
        assert json.loads(archive.read("run.json"))["config"]["batch_size"] == 4
        assert json.loads(archive.read("card.json"))["labels"] == ["neg", "pos"]
        assert all(b"/home" not in archive.read(name) for name in archive.namelist() if name.endswith(".json"))
    path = client.predict(checkpoint=trained.run_id, format="script", api_name="/export")
    with zipfile.ZipFile(path) as archive:
        assert {"train.py", "README.md", "train.jsonl", "validation.jsonl"} <= set(archive.namelist())


def test_validation_and_test_files_are_used(caller: Caller, reviews: Path, tmp_path: Path) -> None:
    held_out = write_rows(tmp_path / "held out.csv", review_rows(10))
    begun = caller.call(
        "start_run", file=caller.upload(reviews), columns={"text": "text", "label": "label"}, task="classification",
        config={"epochs": 1, "batch_size": 16}, checkpoint="local:tiny",
        validation_file=caller.upload(held_out), test_file=caller.upload(held_out),
    )  # fmt: skip
    assert begun.ok, begun.raw
    last = caller.wait(begun.value["run_id"], "finished")[-1]
    assert last["steps"] == ROWS // 16  # all rows of the upload train


def test_a_run_is_cancelled_then_deleted_then_unknown(client: Client, caller: Caller, reviews: Path) -> None:
    config = {"epochs": 50, "batch_size": 1}
    run_id = client.predict(
        file=handle_file(reviews), config=config, checkpoint="local:tiny", api_name="/start_run"
    )["run_id"]  # fmt: skip
    caller.wait(run_id, "running")
    refused = caller.call("delete_run", run_id=run_id)
    assert "still training" in (refused.error or "")
    state = client.predict(run_id=run_id, api_name="/cancel_run")
    assert set(state) == {"state"}
    assert caller.wait(run_id)[-1]["state"] == "cancelled"
    wrong = caller.call("resume_run", run_id=run_id, not_exact="yes")
    assert "not_exact" in (wrong.error or "")
    assert client.predict(run_id=run_id, api_name="/resume_run")["state"] in {"queued", "starting", "running"}
    assert "nothing to resume" in (caller.call("resume_run", run_id=run_id).error or "")
    client.predict(run_id=run_id, api_name="/cancel_run")
    assert caller.wait(run_id)[-1]["state"] == "cancelled"
    assert client.predict(run_id=run_id, api_name="/delete_run") == {"state": "cancelled"}
    never = caller.call("run_status", run_id="20260101-000000-0000000000000000")
    for name in ("run_status", "cancel_run", "resume_run", "delete_run"):
        gone = caller.call(name, run_id=run_id)
        assert gone.error == never.error.replace("20260101-000000-0000000000000000", run_id)
    assert run_id not in {item["run_id"] for item in client.predict(api_name="/runs")}
    assert run_id not in {item["id"] for item in client.predict(api_name="/checkpoints")}


# --- search -------------------------------------------------------------------------------------------------


def test_documents_are_ranked_by_meaning_each_once(client: Client, caller: Caller, tmp_path: Path) -> None:
    documents = [
        "My parcel has not arrived.",
        "I forgot my password.",
        "",
        "My parcel has not arrived.",
        "Nice weather.",
    ]
    found = client.predict(query="Where is my delivery?", documents=documents, top_k=2, api_name="/search")
    assert [hit["rank"] for hit in found] == [1, 2] and found[0]["row"] == 1 and found[1]["row"] in {2, 5}
    assert found[0]["text"] == documents[0] and found[0]["score"] > found[1]["score"]
    path = write_rows(tmp_path / "documents.csv", [(text, str(at)) for at, text in enumerate(documents)])
    same = caller.call("search", query="Where is my delivery?", file=caller.upload(path), top_k=2).value
    assert same == found
    for wrong in ({"query": " "}, {"documents": []}, {"top_k": 0}, {"documents": [1]}):
        answer = caller.call("search", **{"query": "a", "documents": ["b"], **wrong})
        assert not answer.ok and answer.error


def test_a_preparation_decides_what_is_checked_and_trained(caller: Caller, tmp_path: Path) -> None:
    rows = [*review_rows(40), ("the good film, number 0", "pos"), ("a new one", "Pos"), ("fine", "neg")]
    path = write_rows(tmp_path / "messy.csv", rows)
    columns = {"text": "text", "label": "label"}
    preparation = {"cleaning": ["merge_labels", "drop_duplicates"], "relabel": {"44": ""}}
    plain = caller.call("check_data", file=caller.upload(path), columns=columns).value
    cleaned = caller.call("check_data", file=caller.upload(path), columns=columns, preparation=preparation).value
    assert (plain["rows"], len(plain["labels"])) == (43, 3)
    assert (cleaned["rows"], len(cleaned["labels"])) == (41, 2)
    begun = caller.call(
        "start_run", file=caller.upload(path), columns=columns, config={"epochs": 1}, checkpoint="local:tiny",
        preparation=preparation,
    )  # fmt: skip
    assert begun.ok, begun.raw
    assert caller.wait(begun.value["run_id"], "finished")[-1]["state"] == "finished"


@pytest.mark.parametrize(
    "preparation",
    [
        [],
        {"burn": []},
        {"cleaning": ["burn"]},
        {"cleaning": "drop_duplicates"},
        {"relabel": {"x": "pos"}},
        {"relabel": {"2": 3}},
        {"relabel": []},
        {"parse": {"delimiter": 5}},
        {"parse": {"burn": "x"}},
        {"split_seed": "42"},
        {"split_seed": True},
        {"split_seed": -1},
    ],
)
def test_a_preparation_that_is_none_is_refused_by_name(preparation: Any, caller: Caller, reviews: Path) -> None:
    for name in ("check_data", "start_run"):
        refused = caller.call(name, file=caller.upload(reviews), preparation=preparation)
        assert not refused.ok and "our side" not in str(refused.error), (name, refused.raw)
