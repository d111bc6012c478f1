"""Tests of the names of keys, and of the virtual events that they raise."""

from types import ModuleType
from unittest.mock import Mock

import pytest

from tests.support.project import missing


@pytest.fixture
def keys() -> ModuleType:
    try:
        from gui import keys
    except ImportError:
        missing("no tkinter")
    return keys


@pytest.mark.parametrize(
    ("keysym", "state", "name"),
    [
        ("z", 0x4, "Ctrl+Z"),
        ("Z", 0x5, "Ctrl+Shift+Z"),
        ("Z", 0x6, "Ctrl+Z"),  # Caps Lock
        ("n", 0x0, "N"),
        ("N", 0x1, "N"),
        ("7", 0x1, "7"),  # as on French keyboards
        ("KP_7", 0x10, "7"),  # Num Lock
        ("question", 0x1, "?"),
        ("Escape", 0x0, "Esc"),
        ("Prior", 0x0, "PageUp"),
    ],
)
def test_names_of_keys(keys, monkeypatch, keysym, state, name):
    monkeypatch.setattr(keys, "MAC", False)
    assert keys.name_of(keysym, state) == name


def test_command_is_the_macs_control(keys, monkeypatch):
    monkeypatch.setattr(keys, "MAC", True)
    assert keys.name_of("z", 0x8) == "Ctrl+Z"
    assert keys.name_of("z", 0x4) == "Z"


def test_no_key_raises_two_events_and_every_event_is_bound(keys):
    from gui.commands import Commands

    names = [name for key in keys.KEYS for name in key.names]
    assert len(names) == len(set(names))
    events = [*(key.event for key in keys.KEYS), *keys.CORRECT]
    assert len(events) == len(set(events))
    session = Mock()
    Commands(session, Mock())
    assert set(events) <= {call.args[0] for call in session.root.bind.call_args_list}
