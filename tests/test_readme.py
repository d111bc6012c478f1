"""The READMEs say the same, their commands and files exist, and no page repeats another."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from common.files import PROJECT

README, README_ZH = PROJECT / "README.md", PROJECT / "README.zh-CN.md"
DOCS = sorted((PROJECT / "docs").glob("*.md"))
PAGES = [README, README_ZH, *DOCS]
SCRIPTS = ["train.py", "test.py", "predict.py", "app.py", "visualize.py", "export.py"]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
ENGLISH, CHINESE = TEXTS[README], TEXTS[README_ZH]
ALL = "\n".join(TEXTS.values())
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
MAX_README_LINES = 180
LONGEST_PHRASE = 8  # words: shorter sentences, such as "Neither was built.", may occur on two pages


def blocks(text: str) -> list[str]:
    return re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """Everything outside code blocks."""
    for block in blocks(text):
        text = text.replace(block, "")
    return text


def inline_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(text))


def figures(text: str) -> list[str]:
    return re.findall(r"\d[\d,.:]*\d|\d", text)


def rows(text: str) -> list[str]:
    return re.findall(r"^\|.*", text, flags=re.MULTILINE)


def links(text: str) -> list[str]:
    return re.findall(r"\]\((?!http)([^)]+)\)", text)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.*)", prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def sentences(text: str) -> list[str]:
    """Sentences of prose, list items and table cells, without Markdown's signs."""
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", prose(text))
    text = re.sub(r"^(#.*|\||\s*(?:[-*]|\d+\.) )", "\n\n", text, flags=re.MULTILINE)
    parts = re.split(r"\n\s*\n|\||[.?!:;](?=\s)", text)
    return [" ".join(re.sub(r"[*`]", "", part).lower().split()) for part in parts]


def test_both_languages_have_the_same_commands_outputs_and_figures():
    assert blocks(ENGLISH) == blocks(CHINESE)
    # Sorted, since languages order words differently.
    assert sorted(figures(prose(ENGLISH))) == sorted(figures(prose(CHINESE)))
    assert [figures(row) for row in rows(ENGLISH)] == [figures(row) for row in rows(CHINESE)]
    assert ENGLISH.count("\n## ") == CHINESE.count("\n## ")
    assert Counter(links(ENGLISH.replace("zh-CN.", ""))) == Counter(links(CHINESE))


def test_both_languages_name_the_same_code():
    only_chinese = {"docs/"}  # says that these pages are in English
    assert set(inline_code(CHINESE)) - set(inline_code(ENGLISH)) <= only_chinese
    assert set(inline_code(ENGLISH)) <= set(inline_code(CHINESE))


def test_the_readme_is_short_and_has_two_pictures():
    for text in (ENGLISH, CHINESE):
        assert len(text.splitlines()) <= MAX_README_LINES
        assert text.count("![") == 2


def test_every_page_is_linked_from_the_readme():
    for text in (ENGLISH, CHINESE):
        linked = {name.partition("#")[0] for name in links(text)}
        assert {f"docs/{page.name}" for page in DOCS} <= linked


def test_no_sentence_is_written_twice():
    found = Counter(part for page in [README, *DOCS] for part in sentences(TEXTS[page]))
    assert not [part for part, count in found.items() if count > 1 and len(part.split()) > LONGEST_PHRASE]


def test_the_report_is_that_of_the_shipped_weights():
    report = (PROJECT / "reports/score_report.txt").read_text(encoding="utf-8").strip()
    assert f"```\n{report}\n```" in blocks(TEXTS[PROJECT / "docs/results.md"])


@EACH_PAGE
def test_files_and_pictures_exist(page: Path):
    text = TEXTS[page]
    for name in links(text):
        path, _, anchor = name.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), name
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), name
    for name in re.findall(r"(?<![\w/.-])((?:[a-z_]+/)*[a-z_]+\.(?:py|toml)|requirements[a-z-]*\.\w+)", text):
        assert (PROJECT / name).exists() or name == "__init__.py", name
    for name in re.findall(r"`([a-z_]+)/`", text):
        assert (PROJECT / name).is_dir() or name in ("runs", "corrections", "data"), name  # made when needed


@EACH_PAGE
def test_modules_exist(page: Path):
    packages = [path.name for path in PROJECT.iterdir() if (path / "__init__.py").exists()]
    dotted = rf"(?<![\w/.])((?:{'|'.join(packages)})(?:\.[a-z_]+)+)"
    for name in re.findall(dotted, TEXTS[page]):
        path = PROJECT.joinpath(*name.split("."))
        if not path.with_suffix(".py").exists():
            module = path.parent.with_suffix(".py").read_text(encoding="utf-8")
            assert f"\ndef {path.name}(" in module, name


def test_the_layout_names_every_script_and_package():
    roots = {path.name for path in PROJECT.glob("*.py")}
    packages = {f"{path.parent.name}/" for path in PROJECT.glob("*/__init__.py")}
    for text, heading in ((ENGLISH, "## Layout"), (CHINESE, "## 代码结构")):
        section = text.partition(heading)[2].partition("\n## ")[0]
        assert roots | packages <= set(inline_code(section))


def flags(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


@pytest.mark.parametrize("script", SCRIPTS)
def test_flags_exist(project, script: str):
    lines = re.findall(rf"(?:python|torchrun[^\n`]*) {script}([^\n`;]*)", ALL)
    # What the READMEs say of a script, up to the next one.
    for text in (ENGLISH, CHINESE):
        lines += inline_code(re.search(rf"^\*\*`{script}`\*\*.*?(?=^\*\*`|^## )", text, re.M | re.S)[0])
    assert lines
    assert flags("\n".join(lines)) <= flags(project.run(script, "--help").stdout)


def test_requirements_are_pinned_and_explained():
    section = ENGLISH.partition("## Dependencies")[2].partition("\n## ")[0]
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-export.txt"):
        for line in (PROJECT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                package, pin = re.match(r"([a-z][a-z0-9-]*)(==[\d.]+)?", line).groups()
                assert pin, line
                assert f"`{package}`" in section, package


def test_the_example_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```", ENGLISH, flags=re.MULTILINE | re.DOTALL)
    code = f"{example}\nassert abs(probabilities.sum().item() - 1) < 1e-5"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_pictures_stay_small():
    assert sum(path.stat().st_size for path in (PROJECT / "image").iterdir()) < 3_000_000
