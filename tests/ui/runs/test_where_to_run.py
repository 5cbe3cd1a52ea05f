"""The folded section with the commands that start a run in several processes."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest

from bertdemo.launching import Launching
from bertdemo.runs.launchers.commands import Where, by_hand, slurm
from bertdemo.ui.runs.html.where_to_run import render_where_to_run

WHERE = Where(Path("/shared/<b>runs/20261129-abc"), "/opt/python", {"BERTDEMO_HOME": "/shared"}, "node1")
LANGS = ("en", "zh")


def draw(launching: Launching, lang: str = "en", *, finished: bool = False) -> str:
    return render_where_to_run(WHERE, launching, lang, finished=finished)


@pytest.mark.parametrize("lang", LANGS)
def test_both_commands_can_be_copied_as_they_are(lang: str) -> None:
    launching = Launching("torchrun", processes=4, hosts=2)
    html = draw(launching, lang)
    assert html.count("data-copy") == 2
    assert by_hand(WHERE, launching) in unescape(html)
    assert slurm(WHERE, launching) in unescape(html)
    assert "<b>" not in html
    assert " open" not in html  # it is closed


def test_the_section_says_how_runs_are_started_now() -> None:
    assert "BERTDEMO_LAUNCHER=torchrun" in draw(Launching())
    assert "one process per GPU" in draw(Launching("torchrun"))
    assert "starts 4 processes" in draw(Launching("torchrun", processes=4))
    assert "on 3 hosts" in draw(Launching("torchrun", processes=4, hosts=3))


def test_a_finished_run_is_not_trained_again() -> None:
    assert "would not train it again" in draw(Launching(), finished=True)
    assert "storage" in draw(Launching())
