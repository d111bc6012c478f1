"""Tests of the worker process: strokes are taken while it loads, and it is replaced when it dies."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.corrections import draw_and_correct, draw_and_read
from tests.support.run_code import run_with_hand
from tests.support.window import NAME, PATIENCE, Window, draw


def test_a_worker_process_that_dies_is_replaced(window):
    """It is the only one that loads PyTorch."""
    draw(window, 6)
    window.wait_for_reading("6")
    maps = {process: (process / "maps").read_text() for process in window.children()}
    (reading,) = [process for process, content in maps.items() if "libtorch" in content]
    assert "libtorch" not in Path(f"/proc/{window.process.pid}/maps").read_text()
    os.kill(int(reading.name), signal.SIGKILL)
    window.press("Escape")
    window.wait_for_blank()
    draw(window, 4)
    window.wait_for_reading("4")


@pytest.mark.long
def test_the_next_worker_process_knows_the_samples(window, copy):
    draw_and_correct(window, copy, 1, 7)
    (reading,) = [process for process in window.children() if "libtorch" in (process / "maps").read_text()]
    os.kill(int(reading.name), signal.SIGKILL)
    draw_and_read(window, 1, 7)


DIES_TWICE = """
from gui.protocol import ListSamples
hand.wait(lambda: session.ready and not session.worker_process._running)
said, first = [], session.worker_process.process
def ask():
    session.ask(ListSamples(), print, said.append)
first.kill()
ask()
ask()
hand.wait(lambda: session.worker_process.process is not first)
session.worker_process.process.kill()
hand.wait(lambda: len(said) == 2)
ask()
print(*said, hand.status(), sep="\\n")
session.worker_process.close()
"""


def test_if_the_next_one_dies_while_it_loads_all_requests_fail_with_the_reason(other_display, copy):
    result = run_with_hand(DIES_TWICE, other_display, copy)
    why = "the reading process ended while it loaded (exit code -9)"
    again = "the reading process ended and was started again"
    assert result.stdout.splitlines() == [again, why, why, why], result.stderr


def test_strokes_are_taken_before_the_network_is_loaded(other_display):
    """What is drawn while the worker process is stopped is read later."""
    window = Window(other_display, "--size", 300)
    started = window.children()
    assert started
    for process in started:
        os.kill(int(process.name), signal.SIGSTOP)
    window.fresh()
    draw(window, 5)
    window.wait_for_ink(lambda ink: ink.any())
    assert window.title() == NAME
    for process in started:
        os.kill(int(process.name), signal.SIGCONT)
    window.wait_for_reading("5")
    window.process.kill()  # without a chance to end its child processes
    window.process.wait()
    until = time.monotonic() + PATIENCE
    while any(map(is_alive, started)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, started))


def is_alive(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
