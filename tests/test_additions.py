"""What it costs to add a task, an error, a hyper-parameter or a tab: done in a copy of the package, files counted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiny import build_tiny_checkpoint

ROOT = Path(__file__).resolve().parents[1]
LOCALES = "bertdemo/i18n/locales"


class Copy:
    """A copy of the package in a folder of its own, and which of its files were touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "bertdemo", folder / "bertdemo", ignore=leave)
        self._before = self._hashes()

    def write(self, path: str, text: str) -> None:
        """Make a new file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def put(self, path: str, before: str, text: str) -> None:
        """Put `text` before the first place where `before` stands."""
        whole = (self.folder / path).read_text(encoding="utf-8")
        assert before in whole, (path, before)
        (self.folder / path).write_text(whole.replace(before, text + before, 1), encoding="utf-8")

    def words(self, **words: str) -> None:
        """Put a message into both locales under each dotted key (a `__` stands for a dot)."""
        for lang in ("en", "zh"):
            path = self.folder / LOCALES / f"{lang}.json"
            messages = json.loads(path.read_text(encoding="utf-8"))
            for dotted, text in words.items():
                *above, name = dotted.split("__")
                place = messages
                for key in above:
                    place = place[key]
                assert name not in place
                place[name] = f"{text} ({lang})"
            path.write_text(json.dumps(messages, ensure_ascii=False, indent=2), encoding="utf-8")

    def touched(self) -> set[str]:
        """Return the files that are new or changed."""
        now = self._hashes()
        return {name for name in now | self._before if now.get(name) != self._before.get(name)}

    def run(self, *arguments: str) -> str:
        """Run Python over the copy and return what it printed."""
        env = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _hashes(self) -> dict[str, str]:
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*") if path.suffix in {".py", ".json", ".csv", ".md"}
        }  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    yield Copy(tmp_path)


TASK = '''"""Urgency of a support ticket: one label for a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertdemo.tasks.one_label import OneLabel
from bertdemo.tasks.roles import LABEL, Role, text_score, writing_reason

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

TICKET = Role("ticket", "text", frozenset({"ticket"}), text_score, writing_reason, turn=6)


class Urgency(OneLabel):
    """Input: `ticket`. Output: one label."""

    id = "urgency"
    roles = (TICKET, LABEL)

    def fits(self, table: Table) -> float:
        """A column that is called so says all."""
        return 0.95 if any(TICKET.named(column) for column in table.columns) else 0.0
'''
TEST = '''"""Urgency of support tickets, from the table to the page."""

from pathlib import Path

import pytest
import torch

from bertdemo import samples, tasks
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import OneClass
from bertdemo.i18n.translation import translate
from bertdemo.run_config import Truncation
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read
from bertdemo.tasks.base import EncodeOptions, HeadOptions, LabeledTable
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.roles import explain
from bertdemo.ui.fine_tune import layout
from bertdemo.ui.html.dataset import reasons
from bertdemo.ui.html.predictions import render_prediction

COLUMNS = {"ticket": "ticket", "label": "urgency"}
FOLDER = Path(__file__).parent / "tiny"


def table(*labels):
    rows = 4 * len(labels)
    tickets = tuple(f"please help me {number}, my film is late" for number in range(rows))
    return Table("t.csv", {"ticket": tickets, "urgency": labels * 4}, tuple(range(2, rows + 2)))


def test_its_sample_is_found():
    sample = samples.find("tickets_en")
    assert (sample.file, sample.language, sample.task) == ("tickets_en.csv", "en", "urgency")
    assert [each for each in samples.offered("en", chinese_model=False) if each.language == "en"][-1] == sample
    assert tasks.guess(read(sample.path, sample.file, Limits())).id == "urgency"


def test_it_is_listed_guessed_and_explained():
    assert ("how urgent a ticket is (en)", "urgency") in layout._tasks("en")
    given = table("low", "high")
    task = tasks.guess(given)
    assert task.id == "urgency" and task.columns(given) == COLUMNS
    assert "ticket" in reasons(given, task.roles, COLUMNS, "en")["ticket"]
    assert translate("zh", "role.ticket") == "Ticket column (zh)"


def test_it_is_checked_trained_and_drawn():
    task, given = tasks.find("urgency"), table("low", "high")
    task.check(given, COLUMNS, label_limit=10)
    with pytest.raises(OneClass):
        task.check(table("low"), COLUMNS, label_limit=10)
    labels, tokenizer = task.labels(given, COLUMNS), SharedTokenizer.from_folder(FOLDER)
    source, options = LabeledTable(given, COLUMNS, labels), EncodeOptions(Truncation(32))
    rows = task.encode(source, range(given.rows), tokenizer, options)
    model = task.model(FOLDER, HeadOptions(labels, seed=0)).model
    loss, _ = task.loss(model, task.collator(tokenizer, 0)(list(rows)))
    loss.backward()
    assert torch.isfinite(loss)
    said = task.predict(Inference(model.eval(), tokenizer, Truncation(32)), task.inputs(given, COLUMNS, [0, 1]))
    assert len(said) == 2 and said[0].best.label in render_prediction(said[0], None, "tiny", "en")
'''


SAMPLE = "ticket,urgency\n" + "".join(
    f"my film number {number} is late,{label}\n" for number in range(9) for label in ("low", "high")
)


@pytest.mark.slow
def test_a_task_is_its_file_one_line_its_words_a_sample_and_a_test(copy: Copy) -> None:
    copy.write("bertdemo/tasks/urgency.py", TASK)
    registry = "bertdemo/tasks/__init__.py"
    copy.put(registry, "\nif TYPE_CHECKING", "from bertdemo.tasks.urgency import Urgency\n")
    copy.put(registry, '    "multi_label": ', '    "urgency": Urgency(),\n')
    copy.words(
        task__urgency="how urgent a ticket is", role__ticket="Ticket column", role_word__ticket="ticket",
        predict__ticket="Ticket", sample__tickets_en="Support tickets: how urgent",
    )  # fmt: skip
    copy.write("bertdemo/samples/13.urgency.tickets_en.csv", SAMPLE)
    copy.write("tests/tasks/test_urgency.py", TEST)
    touched = copy.touched()
    build_tiny_checkpoint(copy.folder / "tests" / "tasks" / "tiny")
    copy.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/tasks/test_urgency.py")
    assert len(touched) == 6, touched


ERROR = '''class RoomTooCold(BertDemoError):
    """Nobody can work here."""

    key = "room_too_cold"
    params = ("degrees",)


'''


def test_an_error_is_its_class_and_a_sentence_in_two_locales(copy: Copy) -> None:
    copy.put("bertdemo/errors/server.py", "class ServerBusy", ERROR)
    copy.words(error__room_too_cold="It is {degrees} degrees here")
    print_it = (
        "from bertdemo.errors import from_key, leaves; from bertdemo.ui.localized import sentence;"
        "error = from_key('error.room_too_cold', {'degrees': 12}); assert type(error) in leaves();"
        "print(sentence(error, 'en'), sentence(error, 'zh'))"
    )
    assert copy.run("-c", print_it).strip() == "It is 12 degrees here (en) It is 12 degrees here (zh)"
    assert copy.touched() == {"bertdemo/errors/server.py", f"{LOCALES}/en.json", f"{LOCALES}/zh.json"}


def test_a_hyper_parameter_is_a_field_its_use_and_its_words(copy: Copy) -> None:
    new = '    patience: Annotated[StrictInt, Field(ge=1, le=9)] = 3\n    """Epochs to wait for a better one."""\n'
    copy.put("bertdemo/run_config.py", "    weight_decay: Annotated", new)
    use = "        max_steps=config.patience,\n"
    copy.put("bertdemo/runs/worker/training.py", "        weight_decay=config.weight_decay,\n", use)
    copy.words(config__patience="Patience", config__help__patience="Epochs to wait")
    ask = (
        "from dataclasses import asdict; from bertdemo.run_config import RunConfig, specs;"
        "assert 'patience' in [spec.name for spec in specs()];"
        "from bertdemo.ui.fine_tune.run_settings import SettingsForm;"
        "print(RunConfig.from_fields({'patience': '4'}).patience)"
    )
    assert copy.run("-c", ask).strip() == "4"
    assert len(copy.touched()) == 4


TAB = '''"""A greeting."""

import gradio as gr


def build(page):
    """Draw the tab."""
    page.words.make(gr.HTML, {"value": "tokens.greeting"}, elem_id="hello")
'''


@pytest.mark.slow
def test_a_tab_is_a_folder_one_line_and_its_name(copy: Copy) -> None:
    copy.write("bertdemo/ui/hello/__init__.py", '"""A tab that greets."""\n')
    copy.write("bertdemo/ui/hello/layout.py", TAB)
    copy.put("bertdemo/ui/app.py", "from bertdemo.ui.html.escape", "from bertdemo.ui.hello import layout as hello\n")
    copy.put("bertdemo/ui/app.py", '    "runs": runs.build,\n', '    "hello": hello.build,\n')
    copy.words(tabs__hello="Hello", tokens__greeting="Good morning")
    ask = (
        "from pathlib import Path; from bertdemo.settings import Settings; from bertdemo.ui.app import build_app;"
        "app = build_app(Settings.from_env({'BERTDEMO_HOME': str(Path('home').resolve())}));"
        "ids = {getattr(block, 'elem_id', None) for block in app.blocks.blocks.values()};"
        "print({'tab-hello', 'hello'} <= ids, 'hello' in app.page.tab_ids)"
    )
    assert copy.run("-c", ask).split()[-2:] == ["True", "True"]
    assert len(copy.touched()) == 5
