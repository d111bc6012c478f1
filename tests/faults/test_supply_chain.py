"""What the project runs is its own: pinned and hashed dependencies, and nothing that executes data."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import PROJECT

SOURCES = sorted(path for folder in (".", "benchmarks") for path in (PROJECT / folder).glob("*.py"))
FORBIDDEN = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"}
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "yaml"}
UNSAFE_LOADERS = {"load", "loads", "Unpickler", "open", "unsafe_load", "full_load"}


def dangers(source: str) -> Iterator[str]:
    """Calls by which content from elsewhere could run as code."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        module, _, function = name.rpartition(".")
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if (
            name in FORBIDDEN
            or (module in UNSAFE_MODULES and function in UNSAFE_LOADERS)
            or (name in ("torch.load", "torch.hub.load") and given.get("weights_only") != "True")
            or given.get("allow_pickle", "False") != "False"
            or given.get("shell", "False") != "False"
            or given.get("trust_remote_code", "False") != "False"
        ):
            yield f"line {node.lineno}: {name}"


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)",
        "exec(code)",
        "pickle.load(file)",
        "pickle.loads(raw)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "os.system(command)",
        "subprocess.run(command, shell=True)",
        "yaml.load(text)",
    ],
)
def test_a_danger_is_seen(line: str) -> None:
    assert list(dangers(line))


def test_what_is_safe_is_no_danger() -> None:
    safe = 'torch.load(p, weights_only=True)\nnp.load(p, allow_pickle=False)\nre.compile("a")\njson.loads(t)'
    assert not list(dangers(safe))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_executes_content_from_elsewhere(path: Path) -> None:
    assert list(dangers(path.read_text(encoding="utf-8"))) == []


def pins(name: str) -> dict[tuple[str, str], str]:
    """The text after each "package==version" of a file of requirements."""
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
