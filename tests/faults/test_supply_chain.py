"""Tests of what the project runs: dependencies are pinned and hashed, and nothing executes data as code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.files import PROJECT

SOURCES = sorted(
    path
    for path in (*PROJECT.glob("*.py"), *PROJECT.glob("*/*.py"))
    if path.parent.name != "tests" and not path.parent.name.startswith(".")
)
# What could run foreign content as code: modules with everything in them, and single names.
DANGEROUS = re.compile(
    r"(_?pickle|marshal|shelve|dill|cloudpickle|joblib|yaml|pandas\.read_pickle"
    r"|importlib|runpy|zipimport|code|codeop|_?ctypes|cffi|pty"
    r"|os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?|startfile)|subprocess\.get(status)?output"
    r"|torch\.(load|serialization|jit|package|hub|export|classes|ops\.load_library|utils\.cpp_extension)"
    r"|builtins\.(eval|exec|compile|__import__))(\.|$)"
)
# Exceptions, besides torch.load(..., weights_only=True) and ctypes.CDLL(None).
ALLOWED = {
    *("pickle.UnpicklingError", "ctypes.windll.shcore.SetProcessDpiAwareness", "importlib.util.find_spec"),
    *("torch.export.export", "torch.export.ExportedProgram", "torch.export.Dim", "torch.export.save"),
}
SAFE_ONLY = {"allow_pickle": "False", "shell": "False", "trust_remote_code": "False"}


def dangers(source: str) -> Iterator[str]:
    """Yield where a dangerous name is used, called or not, whatever name it was imported as."""
    nodes = list(ast.walk(ast.parse(source)))
    meaning: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for each in node.names:
                module = each.name if each.asname else each.name.partition(".")[0]
                meaning[each.asname or module] = module
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                meaning[each.asname or each.name] = whole = f"{node.module}.{each.name}"
                if DANGEROUS.match(whole) and whole not in ALLOWED:
                    yield f"line {node.lineno}: {whole}"

    def full_name(node: ast.AST) -> str:
        if isinstance(node, ast.Attribute):
            return f"{full_name(node.value)}.{node.attr}"
        return meaning.get(node.id, f"builtins.{node.id}") if isinstance(node, ast.Name) else "?"

    checked = {node.value for node in nodes if isinstance(node, ast.Attribute)}  # parts of longer names
    for node in nodes:
        if isinstance(node, ast.Call):
            given = {each.arg: ast.unparse(each.value) for each in node.keywords}
            name, positional = full_name(node.func), [ast.unparse(each) for each in node.args]
            if (name, given.get("weights_only")) == ("torch.load", "True"):
                checked.add(node.func)
            if (name, positional) == ("ctypes.CDLL", ["None"]):
                checked.add(node.func)
            unsafe = any(given.get(key, safe) != safe for key, safe in SAFE_ONLY.items())
            if unsafe or (name == "numpy.load" and len(positional) > 2):  # the third is allow_pickle
                yield f"line {node.lineno}: {ast.unparse(node)}"
    for node in nodes:
        if isinstance(node, (ast.Name, ast.Attribute)) and node not in checked:
            name = full_name(node)
            if DANGEROUS.match(name) and name not in ALLOWED:
                yield f"line {node.lineno}: {name}"


@pytest.mark.parametrize(
    "code",
    [
        "eval(text)",
        "run = exec",
        "import builtins; builtins.eval(text)",
        "import pickle; pickle.load(file)",
        "import pickle as p; p.loads(raw)",
        "import pickle as p; q = p",
        "from pickle import load",
        "from pickle import *",
        "from pickle import Unpickler as Reader",
        "import torch; torch.load(path)",
        "import torch; torch.load(path, weights_only=False)",
        "import torch as t; read = t.load",
        "import torch; torch.jit.load(path)",
        "from torch import jit",
        "import torch.package as tp; tp.PackageImporter(path)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "import numpy as np; np.load(path, None, True)",
        "import os; os.system(command)",
        "from os import execv as go",
        "import subprocess; subprocess.run(command, shell=True)",
        "import yaml; yaml.load(text)",
        "import runpy; runpy.run_path(path)",
        "import ctypes; ctypes.CDLL(path)",
        "import ctypes; ctypes.windll.LoadLibrary(path)",
        "import importlib; importlib.import_module(name)",
        "from importlib import util",
    ],
)
def test_a_danger_is_seen(code: str) -> None:
    assert list(dangers(code))


@pytest.mark.parametrize(
    "code",
    [
        "import torch; torch.load(path, weights_only=True)",
        "import numpy as np; np.load(path, allow_pickle=False); np.load(path)",
        "import re; re.compile(text)",
        "import json; json.loads(text)",
        "import ctypes; ctypes.CDLL(None).mallopt(1, 2)",
        "import subprocess; subprocess.run(command)",
        "model.eval()",
    ],
)
def test_what_is_safe_is_no_danger(code: str) -> None:
    assert not list(dangers(code))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_nothing_executes_content_from_elsewhere(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if path.name == "export.py":  # it reads what it has just written, to verify it
        source = source.replace("torch.export.load(io.BytesIO(content))", "written(content)")
    assert list(dangers(source)) == []


def pins(name: str) -> dict[tuple[str, str], str]:
    """Return the text after each "package==version" of a requirements file."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    return {
        (package.lower(), version): rest
        for package, version, rest in re.findall(r"^([\w.-]+)==([\w.+]+)((?:.*\\\n)*.*)$", text, re.MULTILINE)
    }


def test_the_lock_holds_what_is_required_and_a_hash_of_every_file() -> None:
    locked = pins("requirements.lock")
    missing = pins("requirements.txt").keys() - locked.keys()
    assert not missing, "run the command in the first lines of requirements.lock"
    for package, rest in locked.items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest), package


def test_the_lock_names_public_releases_and_no_place() -> None:
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", text)
    assert not [version for _, version in pins("requirements.lock") if "+" in version], "a local build"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert all(re.match(r"[\w.-]+==[\w.]+($|;)", line) for line in wanted), wanted
