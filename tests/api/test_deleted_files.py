"""What was deleted is gone: the uploaded table, predictions and zip too; and a refusal leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.api.caller import Caller
from tests.api.conftest import ROWS, review_rows, train, write_rows
from tests.e2e.server import Server


def results(server: Server) -> list[str]:
    """Return the folders of files that were made for a visitor."""
    return sorted(path.name for path in (server.home / "uploads").glob("result-*"))


def test_a_deleted_run_takes_its_upload_its_predictions_and_its_zip_along(
    caller: Caller, local: Server, tmp_path: Path
) -> None:
    before = results(local)
    data = write_rows(tmp_path / "to-be-deleted.csv", review_rows(ROWS))
    run = train(caller, data).run_id
    table = caller.upload(data)  # the same file is the same upload
    zipped = caller.call("export", checkpoint=run).value
    predicted = caller.call("predict_file", file=table, checkpoint=run).value
    script = caller.call("export", checkpoint=run, format="script").value
    assert all(caller.fetch(file) for file in (table, zipped, predicted, script))
    assert len(results(local)) == len(before) + 3
    assert caller.call("delete_run", run_id=run).ok
    assert results(local) == before
    for file in (table, zipped, predicted, script):
        assert not Path(file["path"]).exists()
        with pytest.raises(httpx.HTTPStatusError):
            caller.fetch(file)
    assert not list((local.home / "uploads").rglob("to-be-deleted.csv"))


def test_a_refused_export_or_prediction_leaves_no_folder(caller: Caller, local: Server, reviews: Path) -> None:
    before = results(local)
    unknown = "20260101-000000-0000000000000000"
    for format_ in ("zip", "script"):
        assert caller.call("export", checkpoint=unknown, format=format_).error
    assert caller.call("predict_file", file=caller.upload(reviews), checkpoint=unknown).error
    assert caller.call("predict_file", file=caller.upload(reviews), checkpoint="bundled").error
    assert results(local) == before
