"""Both ends of the pipe: the window's requests, and the process of its own that carries them out.

A process keeps the window responsive: in a thread, importing PyTorch would hold Python's global lock for
tenths of a second at a time. The process is spawned, which works alike on every platform, and ends when its
pipe is closed, that is when the window's process ends, for whatever reason.
"""

from __future__ import annotations

import contextlib
import gc
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

from common.device import keep_freed_memory, return_freed_memory
from common.messages import UserError, complain
from gui.protocol import Request
from gui.texts import say

if TYPE_CHECKING:
    import tkinter as tk

POLL_BUSY, POLL_IDLE = 1, 40  # milliseconds between two polls for an answer, each of which takes 30 µs
CLOSING_TIME = 2.0  # seconds for lasting requests to be carried out when the window closes
QUIET = 0.1  # seconds without a request after which the process returns freed memory to the system
READY, ANSWER, ERROR, FAILURE = "ready", "answer", "error", "failure"  # kinds of messages from the process
LOST = "lost", None  # put in place of a message if the process has died


@dataclass(frozen=True)
class Job:
    """A request that waits or is being carried out.

    Attributes:
        request: what is asked for.
        then: called with the answer.
        otherwise: called with the reason if there is none.
        newest: whether a newer request of its kind replaces it while it waits.
    """

    request: Request
    then: Callable[[Any], None]
    otherwise: Callable[[str], None]
    newest: bool


class WorkerProcess:
    """The window's end of the pipe.

    Sends one request at a time. Nothing here blocks: answers are polled for in the window's event loop.

    Args:
        root: the window whose event loop that is.
        checkpoint, device, threads, profile: as for `Worker`.
        on_ready: called once requests can be carried out.
        on_failure: called with the reason if no request can be carried out, or none any more.
        on_restart: called after the process has died and was started again.

    Attributes:
        process: the worker process.
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
        self._poll_due = ""
        self._failure = ""  # the reason why no request is carried out any more
        self._start()

    @property
    def busy(self) -> bool:
        """Whether a request is being carried out or waits."""
        return bool(self._running or self._waiting)

    def ask(
        self,
        request: Request,
        then: Callable[[Any], None],
        otherwise: Callable[[str], None],
        newest: bool = False,
    ) -> None:
        """Have a request carried out.

        Args:
            request: what to do.
            then: called with the answer.
            otherwise: called with the reason if there is no answer; at once after `on_failure`.
            newest: whether to drop waiting requests of the same class that had this flag too.
        """
        if self._failure:
            otherwise(self._failure)
            return
        if newest:
            kind = type(request)
            self._waiting = [job for job in self._waiting if not (job.newest and type(job.request) is kind)]
        self._waiting.append(Job(request, then, otherwise, newest))
        self._send_next()

    def close(self) -> None:
        """End the process once lasting requests are carried out; print those that fail on stderr."""
        self._root.after_cancel(self._poll_due)
        waiting = [job.request for job in self._waiting if job.request.lasting]
        for request in waiting:
            self._requests.put(request)
        unanswered = [self._running.request, *waiting] if self._running else waiting
        until = time.monotonic() + CLOSING_TIME
        while any(request.lasting for request in unanswered):
            try:
                kind, value = self._messages.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                kind, value = LOST
            if kind in (ANSWER, ERROR):
                request = unanswered.pop(0)
                if kind == ERROR and request.lasting:
                    complain(value)
            elif kind != READY:
                names = ", ".join(request.name for request in unanswered if request.lasting)
                complain(f"the window was closed before this was done: {names}")
                break
        self.process.terminate()
        self.process.join()

    def _start(self) -> None:
        self._ready = False
        self._running: Job | None = None
        self._requests: SimpleQueue = SimpleQueue()
        self._messages: SimpleQueue = SimpleQueue()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, *self._settings), daemon=True)
        self.process.start()
        theirs.close()  # or the pipe would stay open after the process has ended
        # Large messages take a while on the pipe, and would block the window's thread.
        Thread(target=relay, args=(ours, self._requests, self._messages), daemon=True).start()
        self._poll_in(POLL_IDLE)

    def _send_next(self) -> None:
        if self._ready and self._running is None and self._waiting:
            self._running = self._waiting.pop(0)
            self._requests.put(self._running.request)
            self._poll_in(POLL_BUSY)

    def _poll_in(self, milliseconds: int) -> None:
        if self._poll_due:
            self._root.after_cancel(self._poll_due)
        self._poll_due = self._root.after(milliseconds, self._poll)

    def _poll(self) -> None:
        """Handle a message, if there is one."""
        # First, so that polling goes on if handling the message raises.
        self._poll_in(POLL_BUSY if self._running else POLL_IDLE)
        with contextlib.suppress(Empty):
            message = self._messages.get_nowait()
            if message == LOST:
                self._restart()
            else:
                self._handle(*message)
                self._send_next()

    def _handle(self, kind: str, value: Any) -> None:
        if kind == READY:
            self._ready = True
            self._on_ready()
        elif kind == FAILURE:
            self._fail(value)
        else:
            job, self._running = self._running, None
            (job.then if kind == ANSWER else job.otherwise)(value)

    def _restart(self) -> None:
        """Start the process again after it died, e.g. because the system ran out of memory."""
        self.process.join()
        if not self._ready:
            self._fail(say("not_loaded", code=self.process.exitcode))
            return
        unanswered = self._running
        self._start()
        if unanswered:
            unanswered.otherwise(say("restarted"))
        self._on_restart()

    def _fail(self, reason: str) -> None:
        """Refuse this and every later request."""
        if self._failure:  # the process reported why, and then ended
            return
        self._failure = reason
        self._on_failure(reason)
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            job.otherwise(reason)


def relay(pipe: Connection, requests: SimpleQueue, messages: SimpleQueue) -> None:
    """Pass requests to the process and its messages back, one at a time, until it ends; runs in a thread."""
    try:
        messages.put(pipe.recv())  # READY or FAILURE
        while True:
            pipe.send(requests.get())
            messages.put(pipe.recv())
    except (EOFError, OSError):
        messages.put(LOST)


# the process


def serve(pipe: Connection, checkpoint: str | None, device: str, threads: int, profile: str) -> None:
    """Load the network and carry out requests until the pipe is closed: what the process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the window
    keep_freed_memory()
    try:
        gc.disable()  # as in common/startup.py
        try:
            from gui.worker import Worker  # takes seconds, since it imports PyTorch

            gc.freeze()
            gc.enable()
            worker = Worker(checkpoint, device, threads, profile)
        except Exception as error:
            pipe.send((FAILURE, _reason(error)))
            return
        pipe.send((READY, None))
        while True:
            if not pipe.poll(QUIET):
                return_freed_memory()
            request = pipe.recv()
            try:
                message = ANSWER, worker.answer(request)
            except Exception as error:
                message = ERROR, _reason(error)
            pipe.send(message)
    except (EOFError, BrokenPipeError, ConnectionError):  # the window's process has ended
        return


def _reason(error: Exception) -> str:
    """Return an error as a line for the user; print the traceback of one that is a bug."""
    if isinstance(error, UserError):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"
