"""Tests of the layout: which module may import which, and which do without PyTorch and NumPy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from common.files import PROJECT

SCRIPTS = ("train", "test", "app", "predict", "visualize", "export", "hubconf")
BELOW_SCRIPTS = (
    *("gui", "pages", "training", "recognition", "visualization", "checkpointing", "evaluation"),
    *("preprocessing", "data", "model", "common"),
)
PRODUCT = (*SCRIPTS, *BELOW_SCRIPTS)
# What each part may import besides itself. A part is a root module or a package; of packages inside one
# another the innermost row counts.
ALLOWED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SCRIPTS, BELOW_SCRIPTS),
    "gui": ("recognition", "visualization.explain", "preprocessing", "common"),
    "training": (
        *("recognition.profiles", "recognition.symbols", "pages", "checkpointing", "evaluation"),
        "preprocessing",
        *("data", "model", "common"),
    ),
    "pages": ("checkpointing", "preprocessing", "common"),
    "recognition": ("pages", "checkpointing", "evaluation", "preprocessing", "common"),
    "visualization": ("data", "model", "common"),
    "checkpointing": ("evaluation", "model", "common"),
    "evaluation": ("data", "model", "common"),
    "preprocessing": ("common",),
    "data": ("common",),
    "model": (),
    "common": (),
    "benchmarks": (*PRODUCT, "tests.support"),
    "tests": (*PRODUCT, "tests.support"),
    "tests.support": PRODUCT,
    "tests.benchmarks": (*PRODUCT, "tests", "benchmarks"),
}


def modules_of(root: Path) -> dict[str, Path]:
    """Return the file of each module by its dotted name; a package has the name of its folder."""
    # Two levels, and one more for tests: a virtual environment in the checkout is not part of the project.
    levels = ("[a-z]*", "[a-z]*/[a-z]*", "tests/*/[a-z]*")
    inits = [path for level in levels for path in root.glob(f"{level}/__init__.py")]
    folders = [root, *(path.parent for path in inits)]
    files = (file for folder in folders for file in folder.glob("*.py"))
    parts = {file: file.relative_to(root).with_suffix("").parts for file in files}
    return {".".join(name[:-1] if name[-1] == "__init__" else name): file for file, name in parts.items()}


def is_in(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def imported_names(module: str, file: Path) -> Iterator[str]:
    """Yield what a file imports, also inside functions and for type checking only."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imports_of(root: Path) -> dict[str, set[str]]:
    """Return the project's own modules that each module imports."""
    modules = modules_of(root)
    imports: dict[str, set[str]] = {module: set() for module in modules}
    for module, file in modules.items():
        for name in imported_names(module, file):
            while name and name not in modules:  # a class or function of the module
                name = name.rpartition(".")[0]
            if name and name != module:
                imports[module].add(name)
    return imports


def forbidden_imports(root: Path) -> list[str]:
    """Return "IMPORTER -> IMPORTED" for each import that ALLOWED does not list."""
    found = []
    for module, imported in imports_of(root).items():
        part = max((part for part in ALLOWED if is_in(module, part)), key=len, default=None)
        if part is None:
            found.append(f"{module} is in no row of the table")
            continue
        for name in imported:
            own = max((other for other in ALLOWED if is_in(name, other)), key=len, default=None) == part
            if not own and not any(is_in(name, allowed) for allowed in ALLOWED[part]):
                found.append(f"{module} -> {name}")
    return sorted(found)


def cycle_of(root: Path) -> list[str]:
    """Return the modules of an import cycle, the first one repeated at the end; [] if there is none."""
    try:
        TopologicalSorter(imports_of(root)).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def users_of(library: str) -> list[str]:
    """Return the project's modules with an import of `library`, wherever it stands in the file."""
    modules = modules_of(PROJECT).items()
    return [
        module
        for module, file in modules
        if any(is_in(name, library) for name in imported_names(module, file))
    ]


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.relative_to(root).parents[:-1]:
            (root / folder / "__init__.py").touch()


def test_every_import_is_allowed() -> None:
    assert forbidden_imports(PROJECT) == []


def test_there_is_no_import_cycle() -> None:
    assert cycle_of(PROJECT) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"train.py": "import test"}, ["train -> test"]),
        ({"train.py": "import model, gui.keys"}, []),
        ({"gui/keys.py": "def f():\n    from training import trainer"}, ["gui.keys -> training.trainer"]),
        ({"gui/keys.py": "from visualization import explain"}, []),
        ({"gui/keys.py": "from visualization import diagram"}, ["gui.keys -> visualization.diagram"]),
        (
            {"training/recipe.py": "import recognition.profiles, recognition.memory"},
            ["training.recipe -> recognition.memory"],
        ),
        (
            {"common/cli.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import data as d"},
            ["common.cli -> data"],
        ),
        ({"common/cli.py": "from .device import pick_device\nfrom . import device"}, []),
        ({"common/cli.py": "import torch\nfrom modelling import data"}, []),
        ({"model.py": "from common import device"}, ["model -> common.device"]),
        ({"tests/support/driver.py": "import benchmarks.x"}, ["tests.support.driver -> benchmarks.x"]),
        (
            {"tests/support/driver.py": "import tests.gui.test_x"},
            ["tests.support.driver -> tests.gui.test_x"],
        ),
        ({"tests/gui/test_x.py": "import benchmarks.x"}, ["tests.gui.test_x -> benchmarks.x"]),
        ({"tests/gui/test_x.py": "from tests.support import driver\nfrom tests import conftest"}, []),
        ({"tests/benchmarks/test_x.py": "import benchmarks.x, tests.conftest"}, []),
        (
            {"benchmarks/x.py": "from tests import conftest, support"},
            ["benchmarks.x -> tests.conftest"],
        ),
        ({"helper.py": ""}, ["helper is in no row of the table"]),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    others = (
        *("test.py", "model.py", "data.py", "common/device.py", "gui/keys.py", "training/trainer.py"),
        *("recognition/memory.py", "recognition/profiles.py", "visualization/explain.py"),
        *("visualization/diagram.py", "benchmarks/x.py", "tests/conftest.py", "tests/test_x.py"),
        *("tests/gui/test_x.py", "tests/support/driver.py"),
    )
    write_tree(tmp_path, {**dict.fromkeys(others, ""), **files})
    assert forbidden_imports(tmp_path) == expected


def test_an_import_cycle_is_found(tmp_path: Path) -> None:
    files = {
        "gui/a.py": "from gui.b import f",
        "gui/b.py": "def f():\n    from gui import c",
        "gui/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import g",
    }
    write_tree(tmp_path, files)
    assert set(cycle_of(tmp_path)) == {"gui.a", "gui.b", "gui.c"}
    write_tree(tmp_path, {"gui/c.py": ""})
    assert cycle_of(tmp_path) == []


def test_only_the_worker_of_the_window_imports_torch_and_numpy() -> None:
    users = {*users_of("torch"), *users_of("numpy")}
    assert "model" in users
    assert {module for module in users if is_in(module, "gui")} == {"gui.worker"}


def test_preprocessing_does_not_import_torch() -> None:
    assert not [module for module in users_of("torch") if is_in(module, "preprocessing")]


@pytest.mark.parametrize(
    ("parts", "libraries"),
    [
        (("gui", "checkpointing.lookup", "recognition.profiles"), ("torch", "numpy")),
        (("preprocessing",), ("torch",)),
    ],
    ids=lambda names: " ".join(names),
)
def test_nothing_imports_them_indirectly(parts: tuple[str, ...], libraries: tuple[str, ...]) -> None:
    """Importing all of the modules in a new process does not load the libraries."""
    modules = [module for module in modules_of(PROJECT) if any(is_in(module, part) for part in parts)]
    assert len(modules) >= len(parts)
    modules = [module for module in modules if module != "gui.worker"]
    code = f"import sys, {', '.join(modules)}; print(*{set(libraries)!r} & sys.modules.keys())"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "\n", "")
