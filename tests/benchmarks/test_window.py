"""The measurement of the window runs in a real window and reports what it measured."""

import re
import sys

from benchmarks import window
from tests.support.project import missing
from tests.support.window import missing_tools


def test_the_window_is_measured(monkeypatch, capsys):
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    few = ("--starts", 1, "--drawings", 2, "--strokes-at-once", 3, "--readings", 2)
    monkeypatch.setattr(sys, "argv", ["window.py", *map(str, few)])
    monkeypatch.setenv("DISPLAY", "")  # which the script sets
    assert window.main() == 0
    said = [re.split(r"  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [what for what, _ in said] == [
        "from start to a window that takes strokes",
        "longest gap between ticks while loading",
        "from the last stroke to the reading",
        *["longest gap between ticks"] * 4,
        *(f"memory after {readings} readings" for readings in range(3)),
    ]
    assert re.fullmatch(r"median \d+\.\d\d s of 1", said[0][1])
    assert re.fullmatch(r"median \d+ ms, 95th percentile \d+ ms, of 2", said[2][1])
    assert re.fullmatch(r"\d+ ms, over [3-9] strokes on one sheet", said[3][1])
    assert all(re.fullmatch(r"window \d+ MB, reading \d+ MB", figures) for _, figures in said[-3:])
