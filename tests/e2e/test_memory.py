"""Out of memory is a sentence with a smaller batch to click."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Settings
from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.server import Server


def _forged(server: Server, folder: Path) -> str:
    """Put a run that ran out of memory into the server's home, whole, as a worker would have left it."""
    settings = Settings.from_env({"BERTDEMO_HOME": str(folder / "forge")})
    registry = Registry(settings)
    request = RunRequest(
        task="classification",
        columns={"text": "text", "label": "label"},
        checkpoint="local:tiny",
        config=RunConfig(device="cpu", epochs=1, batch_size=64),
        data=str(write_reviews(folder / "large.csv", 60)),
        data_name="large.csv",
    )
    run = registry.create(request, "")
    told = {"device": "NVIDIA H100", "batch_size": 64, "smaller": 32}
    registry.append(run, ev.Launched(seq=2, attempt=1, at=time.time(), warm=False))
    registry.append(run, ev.Failed(seq=3, attempt=1, at=time.time(), message="error.out_of_memory", values=told))
    shutil.move(registry.folder(run), server.home / "runs" / run)
    return run


def test_out_of_memory_offers_a_smaller_batch_that_starts_with_a_click(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    run = _forged(server, tmp_path)
    visitor = visit("en").open("train", run=run)
    visitor.state(run, "failed")
    visitor.sees("#train-panel [role=alert]", "error.out_of_memory", device="NVIDIA H100", batch_size=64, smaller=32)
    visitor.sees("#train-smaller", "train.smaller", n=32)
    visitor.page.click("#train-smaller")
    visitor.page.locator(f"#train-panel [data-state=finished]:not([data-run='{run}'])").wait_for()
    again = visitor.query()["run"]
    visitor.tab("runs")
    visitor.page.click("#runs-back")  # the run of the address is open
    visitor.page.locator(f"#runs-list [data-open='{again}']").click()
    visitor.page.locator(f"#runs-title [data-opened='{again}']").wait_for()
    visitor.page.click("#runs-tab-data-button")
    used = visitor.page.locator("#runs-data div").filter(has_text=visitor.say("config.batch_size")).last.inner_text()
    assert used.split()[-1] == "32"
    visitor.tab("train")
    visitor.page.locator("#train-smaller").wait_for(state="hidden")
