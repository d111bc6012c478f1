"""Reading in a process of its own, so that the window never waits: not for PyTorch, and not for an answer.

A thread would not do: importing PyTorch holds Python's lock for tenths of a second at a time. The process
is started afresh ("spawn"), on every platform alike, and ends when its pipe does, that is with the window,
however that ends. Whatever takes longer than a blink is done there: reading, explaining, opening pictures,
writing files.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from common.device import return_freed_memory
from common.messages import UserError, complain

if TYPE_CHECKING:
    import tkinter as tk

LOOK_BUSY, LOOK_IDLE = 3, 40  # milliseconds between looks for an answer
LASTING = ("keep", "forget", "forget_all", "save")  # tasks that are finished though the window closes
ENDING = 2.0  # seconds that they may take for it
PAUSE = 0.1  # seconds without a question after which the process tidies up
READY, ANSWER, TROUBLE, FAILURE = "ready", "answer", "trouble", "failure"  # what the process sends
LOST = "lost", None  # what stands for an answer if the process has died


@dataclass(frozen=True)
class Job:
    task: str  # a method of Worker
    arguments: tuple[Any, ...]
    then: Callable[[Any], None]
    otherwise: Callable[[str], None]
    newest: bool


class WorkerProcess:
    """The window's side: asks one question at a time and hands each answer to whoever asked.

    Nothing here waits: it looks for an answer every few milliseconds, in the window's own event loop.

    Args:
        root: whose event loop that is.
        checkpoint, device, threads, profile: as `Worker` takes them.
        on_ready: called once questions are answered.
        on_failure: called with the reason if they will not be, or not any more.
        on_restart: called if the process died and was started again.
    """

    def __init__(
        self,
        root: tk.Misc,
        checkpoint: str | None,
        device: str,
        threads: int,
        profile: str,
        *,
        on_ready: Callable[[], None],
        on_failure: Callable[[str], None],
        on_restart: Callable[[], None],
    ) -> None:
        self._root = root
        self._settings = checkpoint, device, threads, profile
        self._on_ready, self._on_failure, self._on_restart = on_ready, on_failure, on_restart
        self._waiting: list[Job] = []
        self._look_due = ""
        self._given_up = ""  # the reason why nothing is answered any more
        self._start()

    def ask(
        self,
        task: str,
        *arguments: Any,
        then: Callable[[Any], None],
        otherwise: Callable[[str], None],
        newest: bool = False,
    ) -> None:
        """Have a method of `Worker` called; `then` gets its answer, `otherwise` the reason for none.

        If nothing is answered any more, `otherwise` is called at once.

        Of waiting questions of one kind that were asked with `newest`, only the last one stays.
        """
        if self._given_up:
            otherwise(self._given_up)
            return
        if newest:
            self._waiting = [job for job in self._waiting if not (job.newest and job.task == task)]
        self._waiting.append(Job(task, arguments, then, otherwise, newest))
        self._send_next()

    def close(self) -> None:
        """End the process, once what is to last is on the disk; what fails is told on stderr."""
        self._root.after_cancel(self._look_due)
        waiting = [job for job in self._waiting if job.task in LASTING]
        for job in waiting:
            self._questions.put((job.task, job.arguments))
        jobs = [self._running, *waiting] if self._running else waiting
        until = time.monotonic() + ENDING
        while any(job.task in LASTING for job in jobs):
            try:
                kind, value = self._answers.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                kind, value = LOST
            if kind in (ANSWER, TROUBLE):
                job = jobs.pop(0)
                if kind == TROUBLE and job.task in LASTING:
                    complain(value)
            elif kind != READY:
                left = ", ".join(job.task for job in jobs if job.task in LASTING)
                complain(f"the window was closed before this was done: {left}")
                break
        self.process.terminate()
        self.process.join()

    def _start(self) -> None:
        self._ready = False
        self._running: Job | None = None
        self._questions: SimpleQueue = SimpleQueue()
        self._answers: SimpleQueue = SimpleQueue()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, *self._settings), daemon=True)
        self.process.start()
        theirs.close()  # else the pipe would not end with the process
        # What is long takes its time on the pipe, which the window's thread must not spend.
        Thread(target=carry, args=(ours, self._questions, self._answers), daemon=True).start()
        self._look_in(LOOK_IDLE)

    def _send_next(self) -> None:
        if self._ready and self._running is None and self._waiting:
            self._running = self._waiting.pop(0)
            self._questions.put((self._running.task, self._running.arguments))
            self._look_in(LOOK_BUSY)

    def _look_in(self, milliseconds: int) -> None:
        if self._look_due:
            self._root.after_cancel(self._look_due)
        self._look_due = self._root.after(milliseconds, self._look)

    def _look(self) -> None:
        """Take in an answer, if there is one."""
        self._look_in(LOOK_BUSY if self._running else LOOK_IDLE)  # whatever becomes of the answer
        with contextlib.suppress(Empty):
            answer = self._answers.get_nowait()
            if answer == LOST:
                self._lost()
            else:
                self._take(*answer)
                self._send_next()

    def _take(self, kind: str, value: Any) -> None:
        if kind == READY:
            self._ready = True
            self._on_ready()
        elif kind == FAILURE:
            self._give_up(value)
        else:
            job, self._running = self._running, None
            (job.then if kind == ANSWER else job.otherwise)(value)

    def _lost(self) -> None:
        """The process has died, as when the system runs out of memory."""
        self.process.join()
        if not self._ready:
            code = self.process.exitcode
            self._give_up(f"the reading process ended while it loaded (exit code {code})")
            return
        unanswered = self._running
        self._start()
        if unanswered:
            unanswered.otherwise("the reading process ended and was started again")
        self._on_restart()

    def _give_up(self, reason: str) -> None:
        """Answer nothing any more, also not what waits."""
        if self._given_up:  # it said why, and then it ended
            return
        self._given_up = reason
        self._on_failure(reason)
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            job.otherwise(reason)


def carry(pipe: Connection, questions: SimpleQueue, answers: SimpleQueue) -> None:
    """Carry questions to the process and answers back, one at a time, in a thread of its own."""
    try:
        answers.put(pipe.recv())  # whether it is ready
        while True:
            pipe.send(questions.get())
            answers.put(pipe.recv())
    except (EOFError, OSError):
        answers.put(LOST)


# the process


def serve(pipe: Connection, checkpoint: str | None, device: str, threads: int, profile: str) -> None:
    """Load the network, then answer questions until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the window
    try:
        try:
            from gui.worker import Worker  # takes seconds, and PyTorch, which the window does without

            desk = Worker(checkpoint, device, threads, profile)
        except Exception as error:
            pipe.send((FAILURE, _reason(error)))
            return
        pipe.send((READY, None))
        while True:
            if not pipe.poll(PAUSE):
                return_freed_memory()
            task, arguments = pipe.recv()
            try:
                answer = ANSWER, getattr(desk, task)(*arguments)
            except Exception as error:
                answer = TROUBLE, _reason(error)
            pipe.send(answer)
    except (EOFError, BrokenPipeError, ConnectionError):  # the window has gone
        return


def _reason(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"
