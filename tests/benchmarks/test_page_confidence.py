"""Tests of the fit of how likely readings of pages are right."""

import re
import sys

from benchmarks import page_confidence
from recognition.page_confidence import EVIDENCE
from tests.training.made_pages.hands import straight_hands


def test_confidence_on_pages_is_fitted_and_compared(monkeypatch, capsys):
    monkeypatch.setattr(page_confidence, "load_hands", lambda args: (straight_hands(), straight_hands()))
    monkeypatch.setattr(sys, "argv", ["page_confidence.py", "strokes.jsonl.gz", "--pages", "1"])
    assert page_confidence.main() == 0
    constants, table = capsys.readouterr().out.split("| confidence")
    assert re.search(r"^\d+ digits on 6 pages", constants)
    assert len(re.findall(r"^[a-z1 ]+ -?\d+\.\d\d$", constants, re.M)) == len(EVIDENCE) + 1 + 3
    rows = [row.split(" | ") for row in table.splitlines()[2:]]
    assert len(rows) == len(page_confidence.BANDS)
    assert sum(int(row[1]) for row in rows) == sum(int(row[3]) for row in rows) > 20
