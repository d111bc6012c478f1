"""The measurement of the page draws in a real browser and reports what it measured."""

import re
import sys

from benchmarks import page
from tests.support.browser import missing_tools
from tests.support.project import missing


def test_the_page_is_measured(monkeypatch, capsys):
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    monkeypatch.setattr(sys, "argv", ["page.py", "--starts", "1", "--repeats", "1"])
    assert page.main() == 0
    first, one, three = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"from opening to the first reading +median \d+\.\d\d s of 1", first)
    for line, what in ((one, "a digit"), (three, "three digits")):
        assert re.fullmatch(
            rf"a reading of {what} +median [\d.]+ ms, 95th percentile [\d.]+ ms, of [\d,]+", line
        )
