"""What train.py prints: the bar on a terminal, and times."""

import contextlib
import fcntl
import os
import re
import struct
import sys

import pytest
import torch

from data import load_training
from training.progress import advance, as_time, epoch_bar
from training.recipe import Recipe
from training.trainer import CHECK_EVERY, Trainer

tty = pytest.importorskip("termios", reason="terminals as on POSIX")


def test_a_terminal_shows_steps_and_the_mean_loss(monkeypatch):
    train, validation = load_training("digits", None)
    trainer = Trainer(Recipe(epochs=3, batch_size=16), train, validation, torch.device("cpu"))
    terminal, end = os.openpty()
    fcntl.ioctl(end, tty.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with open(end, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        with epoch_bar(trainer) as bar:
            trainer.totals[0] = 0.5 * CHECK_EVERY
            for trainer.step in range(1, CHECK_EVERY + 1):
                advance(bar, trainer)
            bar.refresh()
        monkeypatch.undo()
    shown = b""
    with contextlib.suppress(OSError):  # the end of file of a pseudo-terminal on Linux
        while part := os.read(terminal, 10_000):
            shown += part
    os.close(terminal)
    steps = trainer.steps_per_epoch
    assert re.search(rf"epoch 1/3: .* {CHECK_EVERY}/{steps} \[.*loss 0\.5000, lr ", shown.decode()), shown


def test_without_a_terminal_no_bar_is_shown(capfd):
    train, validation = load_training("digits", None)
    trainer = Trainer(Recipe(epochs=3), train, validation, torch.device("cpu"))
    with epoch_bar(trainer) as bar:
        trainer.step = CHECK_EVERY
        advance(bar, trainer)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00:00"), (271, "0:04:31"), (7384, "2:03:04")])
def test_times(seconds, text):
    assert as_time(seconds) == text
