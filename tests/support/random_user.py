"""A random user of the window, in a process of its own.

    python -m tests.faults.random_user FOLDER ACTIONS SEED

The user opens the files of FOLDER, and corrects readings, which the window keeps: run it in a copy of the
project. Prints a JSON object of what was measured; whatever is raised in the window goes to stderr.

Like the window it does without PyTorch: so many objects make Python's garbage collection long.
"""

import ctypes
import gc
import json
import multiprocessing
import os
import random
import sys
import time
import tkinter as tk
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.window import Hand, Strokes, resident
from gui.desktop import Exchange
from recognition.profiles import DEFAULT, profile_folder
from tests.support.handwriting import digit

BURST = 25  # actions from one look at the reading to the next
KEYS = (
    *("<Control-z>", "<Control-z>", "<Control-z>", "<Control-y>", "<Control-y>", "<Escape>"),
    *("n", "w", "m", "r", "<Left>", "<Right>", "<Prior>", "<Next>", "<F1>", "<Control-c>"),
    *("<bracketleft>", "<bracketright>"),
)


class User(Hand):
    """Does one thing after another.

    Attributes:
        longest_work: seconds that the processor worked for this process from one tick to the next.
        done: how often each kind of action was done.
    """

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.longest_work, self._worked = 0.0, time.process_time()
        super().__init__()
        self.rng, self.done = rng, Counter()
        self.shapes = [digit(number, (0, 0), 100) for number in range(10)]
        self.files = sorted(folder.iterdir())

    def _tick(self) -> None:
        now = time.process_time()
        self.longest_work, self._worked = max(self.longest_work, now - self._worked), now
        super()._tick()

    def look_away(self) -> None:
        """Leave out of the figures what has passed since the last tick."""
        self._ticked, self._worked = time.perf_counter(), time.process_time()

    def act(self) -> None:
        kinds = {self.stroke: 40, self.key: 30, self.resize: 10, self.open: 8, self.correct: 8, self.erase: 4}
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        self.done[kind.__name__] += 1
        kind()
        self.run(0)

    def shape(self) -> Strokes:
        x, y = self.rng.uniform(-150, 150), self.rng.uniform(-100, 100)
        scale = self.rng.uniform(0.4, 3)
        return [
            [(scale * a + x, scale * b + y) for a, b in stroke] for stroke in self.rng.choice(self.shapes)
        ]

    def stroke(self) -> None:
        self.draw(self.shape())

    def erase(self) -> None:
        for place, (x, y) in enumerate(self.shape()[0]):
            at = {"x": round(x + 260), "y": round(y + 260)}
            self.sheet.event_generate("<Motion>" if place else "<ButtonPress-3>", state=0x400, **at)
            self.run(0)
        self.sheet.event_generate("<ButtonRelease-3>", **at)

    def key(self) -> None:
        self.press(self.rng.choice(KEYS))

    def correct(self) -> None:
        self.press(f"<Key-{self.rng.randrange(10)}>")

    def press(self, key: str) -> None:
        self.sheet.focus_force()  # from the panel, or the list of keys
        self.sheet.event_generate(key)

    def resize(self) -> None:
        self.root.geometry(f"{self.rng.randrange(500, 1200)}x{self.rng.randrange(500, 1000)}")

    def open(self) -> None:
        Exchange(self.session).read_from(self.rng.choice(self.files))

    def settle(self) -> None:
        """Until all questions are answered."""
        session, reader = self.session, self.session.reader
        while session._read_due or reader._running or reader._waiting:
            self.root.tk.dooneevent(0)
        self.root.update_idletasks()

    def tidy(self) -> list[float]:
        """Take away all that was made, in a window of one size; what both processes then have in use."""
        session, history, found = self.session, self.session.history, []
        for child in self.root.winfo_children():
            if isinstance(child, tk.Toplevel):
                child.destroy()
        self.root.geometry("800x800")
        self.run(0.3)
        self.settle()
        session.clear()
        session.window.why.set(False)
        session.ask("forget_all", then=lambda count: None)
        self.settle()
        session.drawing._undo, session.drawing._redo = [], []
        while history.entries:
            history.entries.pop()
            history._buttons.pop().destroy()
        self.root.update()
        session.ask("in_use", then=found.append)
        self.settle()
        return [in_use(), *found]


class Allocated(ctypes.Structure):
    """As mallinfo(3) gives it."""

    NAMES = ("arena", "free", "fast", "maps", "mapped", "_", "fast_free", "used", "unused", "top")
    _fields_ = [(name, ctypes.c_int) for name in NAMES]


def in_use() -> float:
    """MiB that this process has asked for and not given back; of Python's small objects at most as much.

    What the system counts as its memory has gaps too, which depend on the order of everything before.
    """
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.mallinfo.restype = Allocated
    found = libc.mallinfo()
    return (found.used + found.mapped + 512 * sys.getallocatedblocks()) / 2**20


if __name__ == "__mp_main__":  # the reading process: it is asked for this as for a reading
    import torch

    from evaluation.calibration import features_and_logits
    from gui.worker import Worker
    from recognition.recognizer import BATCH

    def in_use_for_reading(desk: Worker) -> float:
        """With what oneDNN keeps for every number of glyphs: which of them a user meets is chance."""
        with torch.inference_mode():
            for count in range(1, BATCH + 1):
                features_and_logits(desk.recognizer.model, torch.zeros(count, 1, 28, 28))
        return in_use()

    Worker.in_use = in_use_for_reading


def read_beside(pipe: Connection) -> None:
    """Read pages in another process, with what of the profile is on the disk."""
    from gui.worker import Worker
    from recognition.memory import Memory

    desk = Worker(None, "cpu", 1, DEFAULT)
    while True:
        page, single, personal = pipe.recv()
        desk.recognizer.memory = Memory(profile_folder(DEFAULT), desk.recognizer.checkpoint)
        pipe.send(desk.read(page, single, personal).text)


def main(folder: Path, actions: int, seed: int) -> None:
    user = User(folder, random.Random(seed))
    session = user.session
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    beside = context.Process(target=read_beside, args=(theirs,), daemon=True)
    beside.start()
    while not session.was_ready:
        user.run(0.05)
    user.press("n")
    assert not session.window.single.get(), "keys do not arrive"
    memory, tidied, compared, differ = [], [], 0, []
    user.tidy()  # so that what it makes the network meet is in the first figures as in the last
    user.run(0.1)
    user.look_away()
    user.gap()
    user.longest_work = 0.0
    for place in range(1, actions + 1):
        user.act()
        if place % BURST == 0:
            user.settle()  # what was corrected counts for the reading to come
            user.stroke()
            user.settle()
            page, window, text = session.drawing.page, session.window, session.shown.answer.text
            ours.send((page, window.single.get(), window.personal.get()))
            compared += 1
            if (other := ours.recv()) != text:
                differ.append([place, text, other, bool(session.shown.corrected), window.personal.get()])
            user.look_away()
        if place in (actions // 3, actions):
            memory.append([resident(os.getpid()), resident(session.reader.process.pid)])
            tidied.append(user.tidy())
            user.look_away()
    figures = {
        "actions": dict(user.done),
        "readings": compared,
        "differ": differ,
        "resident": memory,  # MiB: of the window and of the reading, after a third and at the end
        "tidied": tidied,  # MiB in use, with nothing on the sheet and nothing to go back to
        "gap": round(user.gap()),  # ms
        "work": round(1000 * user.longest_work),  # ms
        "processor": round(time.process_time()),  # seconds
    }
    print(json.dumps(figures))
    beside.terminate()
    session.reader.close()
    user.root.destroy()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
