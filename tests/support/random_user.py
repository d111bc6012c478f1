"""A random user of the window.

    python -m tests.support.random_user FOLDER ACTIONS SEED

Opens the files of FOLDER and corrects readings, which are kept: run it in a copy of the project. Prints a
JSON object of measurements; what is raised in the window goes to stderr.

Does not import PyTorch, as the window does not: its many objects make garbage collection slow.
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

from gui.protocol import ForgetAll, Read, Request
from recognition.profiles import DEFAULT, profile_folder
from tests.support.hand import Hand, Strokes, resident
from tests.support.handwriting import digit

BURST = 25  # actions between two checks of the reading
KEYS = (
    *("<Control-z>", "<Control-z>", "<Control-z>", "<Control-y>", "<Control-y>", "<Escape>"),
    *("n", "w", "m", "r", "<Left>", "<Right>", "<Prior>", "<Next>", "<F1>", "<Control-c>"),
    *("<bracketleft>", "<bracketright>", "e", "p", "p", "v", "<Button-4>", "<Button-4>", "<Button-5>"),
)


class User(Hand):
    """Does one random thing after another.

    Args:
        folder: with files to open.
        rng: that decides.

    Attributes:
        longest_work: seconds of processor time of this process between two calls of the hand's callback.
        done: number of actions of each kind.
    """

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.longest_work, self._worked = 0.0, time.process_time()
        super().__init__(folder=profile_folder(DEFAULT))
        self.rng, self.done = rng, Counter()
        # Half of the points: each takes the window milliseconds.
        self.shapes = [
            [[*stroke[:-1:2], stroke[-1]] for stroke in digit(number, (0, 0), 100)] for number in range(10)
        ]
        self.files = sorted(folder.iterdir())

    def _tick(self) -> None:
        now = time.process_time()
        self.longest_work, self._worked = max(self.longest_work, now - self._worked), now
        super()._tick()

    def skip_measuring(self) -> None:
        """Leave the time since the last call of the callback out of the measurements."""
        self._ticked, self._worked = time.perf_counter(), time.process_time()

    def act(self) -> None:
        """Do a random thing."""
        kinds = {self.stroke: 40, self.key: 30, self.resize: 10, self.open: 8, self.correct: 8, self.erase: 4}
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        self.done[kind.__name__] += 1
        kind()
        self.run(0)

    def shape(self) -> Strokes:
        """Return a random digit of a random size somewhere on the canvas."""
        x, y = self.rng.uniform(-150, 150), self.rng.uniform(-100, 100)
        scale = self.rng.uniform(0.4, 3)
        return [
            [(scale * a + x, scale * b + y) for a, b in stroke] for stroke in self.rng.choice(self.shapes)
        ]

    def stroke(self) -> None:
        """Draw a random digit."""
        self.draw(self.shape())

    def erase(self) -> None:
        """Move the eraser along the first stroke of a random digit."""
        for place, (x, y) in enumerate(self.shape()[0]):
            at = {"x": round(x + 260), "y": round(y + 260)}
            self.canvas.event_generate("<Motion>" if place else "<ButtonPress-3>", state=0x400, **at)
            self.run(0)
        self.canvas.event_generate("<ButtonRelease-3>", **at)

    def key(self) -> None:
        """Press a random key."""
        self.press(self.rng.choice(KEYS))

    def correct(self) -> None:
        """Correct the reading to a random digit."""
        self.press(f"<Key-{self.rng.randrange(10)}>")

    def press(self, key: str) -> None:
        """Press a key with the focus on the canvas."""
        self.canvas.focus_force()  # from the list of samples, or of keys
        self.canvas.event_generate(key)

    def resize(self) -> None:
        """Give the window a random size."""
        self.root.geometry(f"{self.rng.randrange(500, 1200)}x{self.rng.randrange(500, 1000)}")

    def open(self) -> None:
        """Open a random file."""
        self.commands.open_from(self.rng.choice(self.files))

    def settle(self) -> None:
        """Handle events until all requests are answered."""
        self.wait(lambda: not self.session.busy)
        self.root.update_idletasks()

    def tidy(self) -> list[float]:
        """Clear everything in a window of a fixed size; return the MiB in use of both processes."""
        session, history, found = self.session, self.session.history, []
        for child in self.root.winfo_children():
            if isinstance(child, tk.Toplevel):
                child.destroy()
        self.root.geometry("800x800")
        self.run(0.3)
        self.settle()
        session.clear()
        session.window.why.set(False)
        session.ask(ForgetAll(), lambda count: None)
        self.settle()
        session.drawing._undo, session.drawing._redo = [], []
        while history.entries:
            history.entries.pop()
            history._buttons.pop().destroy()
        self.root.update()
        self.wait(lambda: not self.autosave.busy)
        session.ask(MeasureMemory(), found.append)
        self.settle()
        return [in_use(), *found]


class MeasureMemory(Request):
    """Measure the memory in use; answered with MiB."""

    name = "measure_memory"


class Allocated(ctypes.Structure):
    """The structure that mallinfo(3) returns."""

    NAMES = ("arena", "free", "fast", "maps", "mapped", "_", "fast_free", "used", "unused", "top")
    _fields_ = [(name, ctypes.c_int) for name in NAMES]


def in_use() -> float:
    """Return the MiB that this process has allocated, an upper bound for Python's small objects.

    Unlike resident memory this has no gaps, which depend on the order of all allocations before.
    """
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.mallinfo.restype = Allocated
    found = libc.mallinfo()
    return (found.used + found.mapped + 512 * sys.getallocatedblocks()) / 2**20


if __name__ == "__mp_main__":  # in the worker process
    import torch

    from evaluation.calibration import features_and_logits
    from gui.worker import Worker
    from recognition.recognizer import BATCH

    answer = Worker.answer

    def answer_or_measure(worker: Worker, request: Request) -> object:
        """Answer a request; before measuring, fill oneDNN's caches for each size of a batch.

        Which sizes a random user causes is chance.
        """
        if not isinstance(request, MeasureMemory):
            return answer(worker, request)
        with torch.inference_mode():
            for count in range(1, BATCH + 1):
                features_and_logits(worker.recognizer.model, torch.zeros(count, 1, 28, 28))
        return in_use()

    Worker.answer = answer_or_measure


def read_beside(pipe: Connection) -> None:
    """Read pages in another process, with the samples on the disk."""
    from gui.worker import Worker
    from recognition.memory import Memory

    worker = Worker(None, "cpu", 1, DEFAULT)
    while True:
        request = pipe.recv()
        worker.recognizer.memory = Memory(profile_folder(DEFAULT), worker.recognizer.checkpoint)
        pipe.send(worker.answer(request).text)


def main(folder: Path, actions: int, seed: int) -> None:
    """Use the window and print measurements.

    Args:
        folder: with files to open.
        actions: how many things to do.
        seed: of the random choices.
    """
    user = User(folder, random.Random(seed))
    session = user.session
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    beside = context.Process(target=read_beside, args=(theirs,), daemon=True)
    beside.start()
    user.wait(lambda: session.ready)
    user.press("n")
    assert not session.window.single.get(), "keys do not arrive"
    memory, tidied, compared, differ = [], [], 0, []
    user.tidy()  # fills caches before the first measurement
    user.run(0.1)
    user.skip_measuring()
    user.gap()
    user.longest_work = 0.0
    for place in range(1, actions + 1):
        user.act()
        if place % BURST == 0:
            user.settle()  # corrections so far are kept, and count for the next reading
            user.stroke()
            user.settle()
            page, window, text = session.drawing.page, session.window, session.shown.reading.text
            ours.send(Read(page, window.single.get(), window.use_memory.get()))
            compared += 1
            if (other := ours.recv()) != text:
                differ.append([place, text, other, bool(session.shown.corrected), window.use_memory.get()])
            user.skip_measuring()
        if place in (actions // 3, actions):
            memory.append([resident(os.getpid()), resident(session.worker_process.process.pid)])
            tidied.append(user.tidy())
            user.skip_measuring()
    figures = {
        "actions": dict(user.done),
        "readings": compared,
        "differ": differ,
        "resident": memory,  # MiB of the window and the worker process, after a third and at the end
        "tidied": tidied,  # MiB in use, with a blank page and an empty history
        "gap": round(user.gap()),  # ms
        "work": round(1000 * user.longest_work),  # ms
        "processor": round(time.process_time()),  # seconds
    }
    print(json.dumps(figures))
    beside.terminate()
    session.on_close()
    session.worker_process.close()
    user.root.destroy()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
