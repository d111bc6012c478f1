"""Tests of the texts: both languages are complete, and no other module of the window has texts of its own."""

import ast
import re

import pytest

from common.files import PROJECT
from gui import texts

MODULES = sorted(path for path in (PROJECT / "gui").glob("*.py") if path.name != "texts.py")
SHOWN = ("text", "label", "title")  # arguments of widgets that people read
# Whose arguments are for the terminal, or for who reads the code.
NOT_SHOWN = ("ValueError", "TypeError", "complain")
# Scripts of other programs; and reasons why a file cannot be read, which other packages give in English too.
FREE = ("copy_programs.py", "worker.py")
STATE = "selected focus"  # of a widget
WITHOUT_WORDS = ("tip", "title_or", "not_opened", "not_saved")  # in English
FIELD = re.compile(r"\{(\w+)[^}]*\}")


def test_both_languages_have_the_same_values_filled_in():
    for name, (english, chinese) in texts.TEXTS.items():
        assert set(FIELD.findall(english)) == set(FIELD.findall(chinese)), name
        assert re.search("[a-z]", FIELD.sub("", english)) or name in WITHOUT_WORDS, name
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


def literals(node: ast.AST) -> list[str]:
    """Return the string literals in a part of a module that are not names of texts."""
    found = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return [text for text in found if isinstance(text, str) and text not in texts.TEXTS]


def own_texts(source: str) -> list[str]:
    """Return literals of a module that people may read in the window.

    These are literals of two words or more, but for docstrings, and of one word or more that are given to
    widgets, to the status line, or to a `UserError`.
    """
    module, passed_over = ast.parse(source), set()
    found = []
    for node in ast.walk(module):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or name in NOT_SHOWN:
            passed_over.update(literals(node))
        elif (isinstance(node, ast.keyword) and node.arg in SHOWN) or name in ("say", "title", "UserError"):
            found += [text for text in literals(node) if re.match("#?[A-Za-z ]*[A-Za-z]{2}", text)]
    found += [text for text in literals(module) if re.search("[a-z]{2},? [a-z]{2}", text)]
    return [text for text in dict.fromkeys(found) if text not in passed_over and text != STATE]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('Button(text="Undo it")', ["Undo it"]),
        ('Button(text="Undo")', ["Undo"]),
        ('Button(text=say("undo"))', []),
        ('session.say(f"Saved {path}")', ["Saved "]),
        ('raise UserError(f"{name}: broken")', []),
        ('raise UserError(f"broken: {name}")', ["broken: "]),
        ('reason = "the disk is full"', ["the disk is full"]),
        ('def f():\n    """Do this or that."""\n    raise ValueError("this is no sheet")', []),
    ],
)
def test_own_texts_are_found(source, found):
    assert own_texts(source) == found


def test_no_other_module_has_texts_of_its_own():
    for path in MODULES:
        if path.name not in FREE:
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
