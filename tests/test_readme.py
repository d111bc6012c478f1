"""The READMEs say the same, and their commands and files exist."""

import re
import subprocess
import sys

import pytest

from common.files import PROJECT

ENGLISH = (PROJECT / "README.md").read_text(encoding="utf-8")
CHINESE = (PROJECT / "README.zh-CN.md").read_text(encoding="utf-8")
PAGES = [ENGLISH, *(page.read_text(encoding="utf-8") for page in (PROJECT / "docs").glob("*.md"))]
BOTH = pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])


def blocks(text: str) -> list[str]:
    return re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)


def figures(text: str) -> list[str]:
    return re.findall(r"\d[\d,.:]*\d|\d", text)


def figures_of_prose(text: str) -> list[str]:
    """All numbers outside code blocks, sorted: languages order words differently."""
    for block in blocks(text):
        text = text.replace(block, "")
    return sorted(figures(text))


def figures_of_tables(text: str) -> list[list[str]]:
    return [figures(row) for row in re.findall(r"^\|.*", text, flags=re.MULTILINE)]


def test_both_languages_have_the_same_commands_outputs_and_figures():
    assert blocks(ENGLISH) == blocks(CHINESE)
    assert figures_of_prose(ENGLISH) == figures_of_prose(CHINESE)
    assert figures_of_tables(ENGLISH) == figures_of_tables(CHINESE)
    assert ENGLISH.count("\n## ") == CHINESE.count("\n## ")


def test_the_report_is_that_of_the_shipped_weights():
    report = (PROJECT / "reports/score_report.txt").read_text(encoding="utf-8").strip()
    assert f"```\n{report}\n```" in blocks(ENGLISH)


@BOTH
def test_files_and_pictures_exist(text):
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (PROJECT / name).exists(), name
    for name in re.findall(r"`([a-z_]+\.(?:py|txt))`", text):
        assert (PROJECT / name).exists(), name
    modules = {path.name for path in PROJECT.glob("*.py")}
    assert modules <= set(re.findall(r"[a-z_]+\.py", text)), "a file is not in the layout"


def flags(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


@pytest.mark.parametrize("script", ["train.py", "test.py", "predict.py", "app.py", "visualize.py"])
def test_flags_exist(project, script):
    lines = re.findall(rf"(?:python|torchrun[^\n`]*) {script}([^\n`;]*)", "\n".join(PAGES))
    assert lines
    assert flags("\n".join(lines)) <= flags(project.run(script, "--help").stdout)


def test_benchmarks_and_their_flags_exist():
    found = re.findall(r"python -m benchmarks\.([a-z_]+)([^\n`]*)", "\n".join(PAGES))
    assert found
    for name in {name for name, _ in found}:
        assert (PROJECT / "benchmarks" / f"{name}.py").exists(), name
        used = set().union(*(flags(rest.partition(" -- ")[0]) for other, rest in found if other == name))
        if used:
            command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
            known = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
            assert used <= flags(known), name


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
