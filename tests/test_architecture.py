"""The design, held by the syntax tree: who may import whom, what loads when, how large things are."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bertdemo.tasks import TASKS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bertdemo"
HEAVY = {"torch", "transformers", "evaluate", "peft", "datasets", "cleanlab"}

# Lower numbers are lower tiers; the longest matching prefix decides.
TIERS = {
    "settings": 0, "errors": 0, "run_config": 0, "processes": 0,
    "device": 1, "checkpoints": 1, "data.tables": 1, "data.formats": 1, "data.columns": 1, "data.split": 1,
    "data.samples": 1, "data": 1,
    "metrics": 2, "anatomy": 2, "tasks": 2,
    "data.report": 3, "data.baseline": 3, "data.suspects": 3, "runs": 3, "serving": 3,
    "sharing": 4,
    "ui": 5,
}  # fmt: skip
SHARED_BY_TASKS = {
    "base",
    "batching",
    "results",
    "one_label",
    "unlabelled",
    "twin",
    "thresholds",
    "label_lists",
    "tag_faults",
    "tagging",
    "spans",
}
HEAVY_ROOMS = (
    "device", "checkpoints", "data.tables", "data.formats", "anatomy", "tasks", "metrics", "data.baseline",
    "data.suspects", "runs.worker", "runs.launchers", "serving", "sharing",
)  # fmt: skip


def modules() -> list[tuple[str, ast.Module, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        found.append((name, ast.parse(path.read_text(encoding="utf-8")), path))
    return found


MODULES = modules()
IDS = [name or "bertdemo" for name, _, _ in MODULES]


def tier(name: str) -> int:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in TIERS:
            return TIERS[".".join(parts[:length])]
    return 0


def imports(tree: ast.AST) -> list[str]:
    """Every imported module, absolute; `from bertdemo import x` counts as bertdemo.x."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            module = node.module or ""
            found += [f"{module}.{alias.name}" for alias in node.names] if module.startswith("bertdemo") else [module]
    return found


def top_level(tree: ast.Module) -> ast.Module:
    """The statements that run at import: TYPE_CHECKING blocks are left out."""
    body = [
        node for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        and not isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]  # fmt: skip
    return ast.Module(body=body, type_ignores=[])


@pytest.mark.parametrize(("name", "tree", "path"), MODULES, ids=IDS)
def test_imports_go_down_only(name: str, tree: ast.Module, path: Path) -> None:
    own = tier(name)
    above = [
        module for module in imports(tree)
        if module.startswith("bertdemo.") and tier(module.removeprefix("bertdemo.")) > own
    ]  # fmt: skip
    assert not above


@pytest.mark.parametrize(("name", "tree", "path"), MODULES, ids=IDS)
def test_only_the_rooms_for_it_know_torch_and_only_inside_functions(name: str, tree: ast.Module, path: Path) -> None:
    everywhere = {module.split(".")[0] for module in imports(tree)} & HEAVY
    if not name.startswith(HEAVY_ROOMS):
        assert not everywhere
    # The metric modules are loaded by evaluate, the training loop by a worker that has imported torch already.
    if not name.startswith(("metrics.", "runs.worker.training")):
        assert not {module.split(".")[0] for module in imports(top_level(tree))} & HEAVY


@pytest.mark.parametrize(("name", "tree", "path"), MODULES, ids=IDS)
def test_gradio_stays_in_the_page_and_out_of_its_drawings(name: str, tree: ast.Module, path: Path) -> None:
    if not name.startswith("ui") or name.startswith("ui.render"):
        assert "gradio" not in {module.split(".")[0] for module in imports(tree)}


@pytest.mark.parametrize(("name", "tree", "path"), MODULES, ids=IDS)
def test_a_module_says_what_it_is_for_and_stays_small(name: str, tree: ast.Module, path: Path) -> None:
    assert ast.get_docstring(tree)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "util", "common", "helpers", "core", "manager", "misc"}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.returns is not None, node.name
            assert (node.end_lineno or node.lineno) - node.lineno < 50, node.name


@pytest.mark.parametrize(("name", "tree", "path"), MODULES, ids=IDS)
def test_only_the_settings_read_the_environment(name: str, tree: ast.Module, path: Path) -> None:
    if name != "settings":
        read = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        assert not {"os.environ", "os.getenv"} & set(read)


def catches_everything(node: ast.AST) -> bool:
    """Return whether this is an `except` or a `suppress` of every exception, alone or among others."""
    caught: list[ast.expr | None] = []
    if isinstance(node, ast.ExceptHandler):
        caught = list(node.type.elts) if isinstance(node.type, ast.Tuple) else [node.type]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
        caught = list(node.args)
    return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in caught)


@pytest.mark.parametrize(
    "line",
    [
        "try: x\nexcept: y", "try: x\nexcept Exception: y", "try: x\nexcept (OSError, BaseException): y",
        "with contextlib.suppress(Exception): x", "with suppress(OSError, Exception): x",
    ],
)  # fmt: skip
def test_every_way_to_catch_everything_is_recognized(line: str) -> None:
    assert any(catches_everything(node) for node in ast.walk(ast.parse(line)))


def test_exactly_two_places_catch_everything() -> None:
    found = [name for name, tree, _ in MODULES for node in ast.walk(tree) if catches_everything(node)]
    assert sorted(found) == ["runs.worker.__main__", "ui.widgets"]


def test_every_csv_is_written_in_one_place() -> None:
    writers = [name for name, tree, _ in MODULES if "csv.writer" in ast.unparse(tree)]
    assert writers == ["data.spreadsheet"]


def test_no_tab_imports_another_tab_and_no_task_another_task() -> None:
    assert not SHARED_BY_TASKS & set(TASKS)
    for folder, allowed in (("ui.tabs", set[str]()), ("tasks", SHARED_BY_TASKS)):
        names = {name.removeprefix(f"{folder}.") for name, _, _ in MODULES if name.startswith(f"{folder}.")}
        for name, tree, _ in MODULES:
            if name.startswith(f"{folder}."):
                other = {module.removeprefix(f"bertdemo.{folder}.").split(".")[0] for module in imports(tree)}
                assert not (other & names) - allowed - {name.removeprefix(f"{folder}.")}


def test_the_registry_knows_neither_worker_nor_supervisor_and_runs_neither_serving_nor_sharing() -> None:
    for name, tree, _ in MODULES:
        found = [module for module in imports(tree) if module.startswith("bertdemo")]
        if name == "runs.registry":
            assert not [module for module in found if "worker" in module or "supervisor" in module]
        if name.startswith("runs"):
            assert not [module for module in found if module.startswith(("bertdemo.serving", "bertdemo.sharing"))]


def test_nothing_but_the_tasks_asks_which_task_it_is() -> None:
    for name, tree, _ in MODULES:
        if name.startswith("tasks"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                words = [ast.unparse(part) for part in (node.left, *node.comparators)]
                named = {f"'{task}'" for task in TASKS} & set(words)
                assert not (named and any("task" in word for word in words)), name


def test_the_page_the_tasks_and_the_supervisor_load_no_heavy_library() -> None:
    code = (
        "import sys, bertdemo.ui.app, bertdemo.ui.services, bertdemo.tasks, bertdemo.runs.supervisor\n"
        "import bertdemo.anatomy.tokens, bertdemo.data.tables, bertdemo.runs.status, bertdemo.tasks.base\n"
        "heavy = {'torch', 'transformers', 'datasets', 'evaluate', 'peft', 'sklearn', 'cleanlab'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
