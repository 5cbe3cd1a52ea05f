"""The design, held by the syntax tree: who may import whom, what loads when, how large things are."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from bertdemo.tasks import TASKS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bertdemo"
HEAVY = {"torch", "transformers", "evaluate", "peft", "datasets", "cleanlab", "optuna"}

LAYERS = (
    ("errors", "faults", "disk", "launching", "processes", "slots"),
    ("settings", "run_config", "i18n"),
    ("device", "tables"),
    ("hub", "samples"),
    ("checkpoints", "metrics"),
    ("anatomy",),
    ("tasks",),
    ("dataset",),
    ("analysis",),
    ("runs", "serving"),
    ("sharing", "doctor"),
    ("services",),
    ("ui",),
)
"""From the lowest up: a module imports from its own layer and from those before it."""
TASK_BASES = {
    "base",
    "forward",
    "results",
    "roles",
    "one_label",
    "without_labels",
    "bi_encoder",
    "label_lists",
    "reading",
}
"""What tasks share; every other module or folder of `tasks` is one task."""
TABS = {"tokenization", "inside", "fine_tune", "inference", "runs"}
HEAVY_FOLDERS = (
    "device", "checkpoints", "tables.formats", "anatomy", "tasks", "metrics", "analysis.baselines",
    "analysis.label_issues", "runs.worker", "runs.launchers", "runs.studies.optuna_search", "serving", "sharing",
)  # fmt: skip
DRAWINGS = ("ui.html", "ui.inside.html", "ui.fine_tune.html", "ui.runs.html", "ui.inference.search_html",
            "ui.inference.file_html", "ui.inference.examples_html")  # fmt: skip
MOST_FILES = 14
"""In one folder: with more, nobody guesses where a thing lives."""


def modules() -> list[tuple[str, ast.Module, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        found.append((name, ast.parse(path.read_text(encoding="utf-8")), path))
    return found


MODULES = modules()


NAMES = {name for name, _, _ in MODULES}


def layer(name: str) -> int:
    """Where a module stands; the package itself is below everything."""
    folder = name.split(".", maxsplit=1)[0]
    return next((place for place, folders in enumerate(LAYERS) if folder in folders), -1)


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


def at_run_time(tree: ast.Module) -> ast.Module:
    """The module without its TYPE_CHECKING blocks."""
    body = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return ast.Module(body=body, type_ignores=[])


def module_of(imported: str) -> str:
    """The module of ours that an import loads: `x.y.Name` is x.y, where there is no module x.y.Name."""
    name = imported.removeprefix("bertdemo.")
    return name if name in NAMES else name.rpartition(".")[0]


def circles(edges: dict[str, set[str]]) -> list[str]:
    """Every import that leads back to where it started, as a chain of names."""
    closed, done = [], set[str]()

    def follow(name: str, path: list[str]) -> None:
        if name in path:
            closed.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for other in sorted(edges.get(name, ())):
                follow(other, [*path, name])
            done.add(name)

    for name in sorted(edges):
        follow(name, [])
    return closed


def test_every_folder_has_a_layer_and_no_folder_has_two() -> None:
    folders = [folder for layer in LAYERS for folder in layer]
    assert sorted(folders) == sorted({name.split(".")[0] for name in NAMES} - {"__init__"})


def test_imports_go_down_only() -> None:
    above = [
        f"{name} imports {module}" for name, tree, _ in MODULES for module in imports(tree)
        if module.startswith("bertdemo.") and layer(module.removeprefix("bertdemo.")) > layer(name)
    ]  # fmt: skip
    assert not above, "\n".join(above)


def test_no_modules_and_no_folders_import_each_other_in_a_circle() -> None:
    modules: dict[str, set[str]] = {}
    folders: dict[str, set[str]] = {}
    for name, tree, _ in MODULES:
        for imported in imports(at_run_time(tree)):
            if imported.startswith("bertdemo.") and (other := module_of(imported)) not in {"", name}:
                modules.setdefault(name, set()).add(other)
                if (here := name.split(".")[0]) != (there := other.split(".")[0]):
                    folders.setdefault(here, set()).add(there)
    found = [*circles(modules), *circles(folders)]
    assert not found, "\n".join(found)


def test_no_folder_holds_more_files_than_a_reader_can_scan() -> None:
    files: dict[Path, int] = {}
    for _, _, path in MODULES:
        files[path.parent] = files.get(path.parent, 0) + (path.name != "__init__.py")
    wide = [f"{folder.relative_to(ROOT)}: {count} files" for folder, count in files.items() if count > MOST_FILES]
    assert not wide, "\n".join(wide)


def test_only_the_folders_for_it_know_torch_and_only_inside_functions() -> None:
    wrong = []
    for name, tree, _ in MODULES:
        everywhere = {module.split(".")[0] for module in imports(tree)} & HEAVY
        if everywhere and not name.startswith(HEAVY_FOLDERS):
            wrong.append(f"{name} knows {sorted(everywhere)}")
        at_import = {module.split(".")[0] for module in imports(top_level(tree))} & HEAVY
        # The metric modules are loaded by evaluate, the training loop by a worker that has imported torch already.
        if at_import and not name.startswith(
            (
                "metrics.",
                "runs.worker.training",
                "runs.worker.optimization.frozen_layers",
                "runs.worker.optimization.optimizer",
                "runs.worker.distributed.trainer",
            )
        ):
            wrong.append(f"{name} loads {sorted(at_import)} when it is imported")
    assert not wrong, "\n".join(wrong)


def test_gradio_stays_in_the_page_and_out_of_its_drawings() -> None:
    wrong = [
        name for name, tree, _ in MODULES
        if (not name.startswith("ui") or any(name.startswith(drawings) for drawings in DRAWINGS))
        and "gradio" in {module.split(".")[0] for module in imports(tree)}
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


def test_a_module_says_what_it_is_for_and_stays_small() -> None:
    wrong = [f"{name or 'bertdemo'}: {fault}" for name, tree, path in MODULES for fault in faults(tree, path)]
    assert not wrong, "\n".join(wrong)


def faults(tree: ast.Module, path: Path) -> list[str]:
    """What is too large, or says too little, in one module."""
    wrong = [] if ast.get_docstring(tree) else ["no docstring"]
    if len(path.read_text(encoding="utf-8").splitlines()) > 400:
        wrong.append("over 400 lines")
    if path.stem in {"utils", "util", "common", "helpers", "core", "manager", "misc"}:
        wrong.append("a name that says nothing")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.returns is None:
                wrong.append(f"{node.name} has no return type")
            if (node.end_lineno or node.lineno) - node.lineno >= 50:
                wrong.append(f"{node.name} is too long")
    return wrong


def test_only_the_settings_read_the_environment() -> None:
    wrong = [
        f"{name}: {ast.unparse(node)}"
        for name, tree, _ in MODULES
        if name != "settings"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    ]
    assert not wrong, "\n".join(wrong)


def catches_everything(node: ast.AST) -> bool:
    """Return whether this is an `except` or a `suppress` of every exception, alone or among others."""
    caught: list[ast.expr | None] = []
    if isinstance(node, ast.ExceptHandler):
        caught = list(node.type.elts) if isinstance(node.type, ast.Tuple) else [node.type]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
        caught = list(node.args)
    return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in caught)


def test_every_way_to_catch_everything_is_recognized() -> None:
    for line in (
        "try: x\nexcept: y", "try: x\nexcept Exception: y", "try: x\nexcept (OSError, BaseException): y",
        "with contextlib.suppress(Exception): x", "with suppress(OSError, Exception): x",
    ):  # fmt: skip
        assert any(catches_everything(node) for node in ast.walk(ast.parse(line))), line


def test_only_the_page_and_one_place_of_the_worker_catch_everything() -> None:
    found = [name for name, tree, _ in MODULES for node in ast.walk(tree) if catches_everything(node)]
    # `trackio_log` runs another library beside the training, which may raise anything and must not end it; a platform
    # that lends a GPU raises what it likes, and the run must learn of it.
    strangers = ["runs.launchers.zerogpu", "runs.tracking.trackio_log"]
    assert sorted(found) == [*strangers, "runs.worker.reporting.guard", "ui.localized"]


def test_every_csv_is_written_in_one_place() -> None:
    assert [name for name, tree, _ in MODULES if "csv.writer" in ast.unparse(tree)] == ["tables.spreadsheet"]


def test_no_tab_imports_another_tab_and_no_task_another_task() -> None:
    tasks = {name.split(".")[1] for name in NAMES if name.startswith("tasks.")} - TASK_BASES
    assert tasks == set(TASKS)
    wrong = []
    for folder, alone in (("ui", TABS), ("tasks", tasks)):
        for name, tree, _ in MODULES:
            own = name.split(".")[1] if name.startswith(f"{folder}.") else ""
            for module in imports(tree) if own in alone else ():
                other = module.removeprefix(f"bertdemo.{folder}.").split(".")[0]
                if module.startswith(f"bertdemo.{folder}.") and other in alone - {own}:
                    wrong.append(f"{name} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_the_registry_knows_neither_worker_nor_dispatch_and_runs_neither_serving_nor_sharing() -> None:
    wrong = []
    for name, tree, _ in MODULES:
        modules = [module for module in imports(tree) if module.startswith("bertdemo")]
        if name == "runs.registry":
            wrong += [f"{name} imports {module}" for module in modules if "worker" in module or "dispatch" in module]
        if name.startswith("runs"):
            away = ("bertdemo.serving", "bertdemo.sharing")
            wrong += [f"{name} imports {module}" for module in modules if module.startswith(away)]
    assert not wrong, "\n".join(wrong)


def test_nothing_but_the_tasks_asks_which_task_it_is() -> None:
    wrong = []
    for name, tree, _ in MODULES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and not name.startswith("tasks"):
                words = [ast.unparse(part) for part in (node.left, *node.comparators)]
                named = {f"'{task}'" for task in TASKS} & set(words)
                if named and any("task" in word for word in words):
                    wrong.append(f"{name}, line {node.lineno}")
    assert not wrong, "\n".join(wrong)


def test_the_page_the_tasks_and_the_dispatcher_load_no_heavy_library() -> None:
    code = (
        "import sys, bertdemo.ui.app, bertdemo.services, bertdemo.tasks, bertdemo.runs.dispatch\n"
        "import bertdemo.anatomy.tokens, bertdemo.tables.table_files, bertdemo.runs.status, bertdemo.tasks.base\n"
        "heavy = {'torch', 'transformers', 'datasets', 'evaluate', 'peft', 'sklearn', 'cleanlab', 'optuna'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
