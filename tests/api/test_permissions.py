"""Nobody else on the machine reads what visitors upload, what runs write, or what is exported."""

from __future__ import annotations

import stat

from tests.api.caller import Caller
from tests.api.conftest import Trained
from tests.e2e.server import Server


def test_every_file_and_folder_of_the_home_is_for_its_user_alone(
    caller: Caller, trained: Trained, local: Server
) -> None:
    assert caller.call("export", checkpoint=trained.run_id).ok
    assert caller.call("predict_file", file=caller.upload(trained.data), checkpoint=trained.run_id).ok
    paths = [path for path in local.home.rglob("*") if not path.is_symlink()]
    names = {path.name for path in paths}
    assert {"events.jsonl", "model.safetensors", "reviews.csv", "evaluation.jsonl"} <= names
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
