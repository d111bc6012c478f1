"""The READMEs say the same, and their commands and files exist."""

import re
import subprocess
import sys

import pytest

from runtime import PROJECT

ENGLISH = (PROJECT / "README.md").read_text(encoding="utf-8")
CHINESE = (PROJECT / "README.zh-CN.md").read_text(encoding="utf-8")
BOTH = pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])


def blocks(text: str) -> list[str]:
    return re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)


def figures(text: str) -> list[str]:
    """All numbers outside code blocks, sorted."""
    for block in blocks(text):
        text = text.replace(block, "")
    return sorted(re.findall(r"\d[\d,.:]*\d|\d", text))


def test_both_languages_have_the_same_commands_outputs_and_figures():
    assert blocks(ENGLISH) == blocks(CHINESE)
    assert figures(ENGLISH) == figures(CHINESE)
    assert ENGLISH.count("\n## ") == CHINESE.count("\n## ")


@BOTH
def test_files_and_pictures_exist(text):
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (PROJECT / name).exists(), name
    for name in re.findall(r"`([a-z_]+\.(?:py|txt))`", text):
        assert (PROJECT / name).exists(), name
    modules = {path.name for path in PROJECT.glob("*.py")}
    assert modules <= set(re.findall(r"[a-z_]+\.py", text)), "a file is not in the layout"


def test_flags_exist(project):
    for script in ("train.py", "test.py", "predict.py", "app.py", "visualize.py"):
        known = project.run(script, "--help").stdout
        for line in re.findall(rf"^(?:python|torchrun[^\n]*) {script}(.*)$", ENGLISH, flags=re.MULTILINE):
            for flag in re.findall(r"--[a-z-]+", line):
                assert flag in known, (script, flag)


def test_requirements_are_pinned_and_explained():
    section = ENGLISH.partition("## Dependencies")[2]
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (PROJECT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                package, pin = re.match(r"([a-z-]+)(==[\d.]+)?", line).groups()
                assert pin, line
                assert f"`{package}`" in section, package


def test_the_example_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```", ENGLISH, flags=re.MULTILINE | re.DOTALL)
    code = f"{example}\nassert abs(probabilities.sum().item() - 1) < 1e-5"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_pictures_stay_small():
    assert sum(path.stat().st_size for path in (PROJECT / "image").iterdir()) < 3_000_000
