"""Tests of the texts: both languages are complete, and no other module of the window has texts of its own."""

import ast
import re

import pytest

from common.files import PROJECT
from gui import texts

MODULES = sorted(path for path in (PROJECT / "gui").glob("*.py") if path.name != "texts.py")
SHOWN = ("text", "label", "title")  # arguments of widgets that people read
FIELD = re.compile(r"\{(\w+)[^}]*\}")


def test_both_languages_have_the_same_values_filled_in():
    for name, (english, chinese) in texts.TEXTS.items():
        assert set(FIELD.findall(english)) == set(FIELD.findall(chinese)), name
        assert re.search("[a-z]", FIELD.sub("", english)) or name in ("tip", "title_or"), name
        assert not re.search(r"[，。：；？（）]", english), name
        assert not re.search(r"[一-鿿]", english), name
    without = [name for name, (_, chinese) in texts.TEXTS.items() if not re.search("[一-鿿，（]", chinese)]
    assert without == []


def used_in(source: str) -> set[str]:
    """Return the string literals of a module that are names of texts."""
    literals = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {value for value in literals if isinstance(value, str) and value in texts.TEXTS}


def test_every_text_is_used_and_every_name_exists():
    sources = [path.read_text(encoding="utf-8") for path in MODULES]
    assert set(texts.TEXTS) == set().union(*map(used_in, sources))
    named = [name for source in sources for name in re.findall(r"\bsay\(\s*\"(\w+)\"", source)]
    assert len(named) > 50
    assert set(named) <= set(texts.TEXTS)


def own_texts(source: str) -> list[str]:
    """Return literals with words that a module gives to widgets itself."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg in SHOWN:
            found += [
                part.value
                for part in ast.walk(node.value)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
                if re.match("#?[A-Za-z ]*[A-Za-z]{2}", part.value)
                and part.value not in texts.TEXTS
                and not part.value.startswith("#")
            ]
    return found


def test_no_other_module_has_texts_of_its_own():
    assert own_texts('Button(text="Undo it")') == ["Undo it"]
    assert own_texts('Button(text=say("undo"))') == []
    for path in MODULES:
        assert own_texts(path.read_text(encoding="utf-8")) == [], path.name


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "", "LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language_is_the_systems(monkeypatch, variables, language):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    try:
        texts.use("auto")
        assert texts.say("single") == texts.TEXTS["single"][texts.LANGUAGES.index(language)]
    finally:
        texts.use("en")
