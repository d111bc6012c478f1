"""A session at the window: the drawing, the reading of it, and what is shown.

It imports none of its callers; they set `on_ready` and its like.
"""

import sys
import tkinter as tk
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from common.messages import UserError
from gui.drawing import Drawing, Page
from gui.history_strip import Entry
from gui.keys import key_for
from gui.main_window import MainWindow
from gui.protocol import Explain, PageReading, Read, Request
from gui.shown_reading import ShownReading
from gui.texts import say
from gui.theme import Theme
from gui.worker_process import WorkerProcess

READ_DELAY = 10  # milliseconds from a move of the pen to the request; further moves until then share it


class Session:
    """Connects the drawing, the window and the worker process.

    Args:
        root: Tk's main window, empty.
        theme: the window's theme.
        settings: checkpoint, device, threads and profile, as `WorkerProcess` takes them.
        side: the canvas's initial side in pixels.
        brush: the pen's initial width in pixels.

    Attributes:
        drawing: the page with undo and redo.
        shown: the reading that is shown.
        window: the widgets.
        worker_process: what reads.
        ready: whether the network is loaded.
        folder: of the file that was opened or saved last; "" if there is none.
        on_ready: called once the network is loaded.
        on_reading: called after an up-to-date reading is shown.
        on_change: called after each change of the drawing.
        on_close: called when the window closes.
    """

    def __init__(
        self, root: tk.Tk, theme: Theme, settings: tuple[str | None, str, int, str], side: int, brush: float
    ) -> None:
        self.root, self.theme = root, theme
        self.on_ready: Callable[[], None] = lambda: None
        self.on_reading: Callable[[], None] = lambda: None
        self.on_change: Callable[[], None] = lambda: None
        self.on_close: Callable[[], None] = lambda: None
        self.drawing = Drawing()
        self.shown = ShownReading()
        self.ready = False
        self.folder = ""
        self._opened_at = -1  # the drawing's version when a picture was opened
        self._restarted_at = -1  # the drawing's version when the worker process was restarted
        self._read_due = ""
        self._failure: BaseException | None = None
        root.report_callback_exception = self._handle_error
        root.protocol("WM_DELETE_WINDOW", root.quit)
        self.worker_process = WorkerProcess(
            root,
            *settings,
            on_ready=self._worker_ready,
            on_failure=self._worker_failed,
            on_restart=self._worker_restarted,
        )
        self.window = MainWindow(
            root,
            theme,
            self.drawing,
            side,
            brush,
            on_change=self.drawing_changed,
            on_choose=self.choose,
            on_recall=self.recall,
        )
        self.drawing_canvas, self.history = self.window.drawing_canvas, self.window.history
        self.show(ShownReading())
        self.say(say("loading"))

    def run(self) -> None:
        """Run the event loop until the window is closed.

        Raises:
            UserError: if the window was closed because of an error, see `close_with`.
            KeyboardInterrupt: after Ctrl-C in the terminal.
        """
        try:
            self.root.mainloop()
        finally:
            self.on_close()
            self.worker_process.close()
            self.root.destroy()
        if self._failure:
            raise self._failure

    def close_with(self, reason: str) -> None:
        """Close the window and have `run` raise the reason."""
        self._failure = UserError(reason)
        self.root.quit()

    def say(self, text: str) -> None:
        """Show a text in the status line."""
        self.window.say(text)

    @property
    def busy(self) -> bool:
        """Whether an answer from the worker process is due."""
        return bool(self._read_due) or self.worker_process.busy

    # the drawing

    def undo(self) -> None:
        """Undo the last action."""
        self.drawing_canvas.pen_up()
        if self.drawing.undo():
            self._show_page()

    def redo(self) -> None:
        """Redo the action that was undone last."""
        self.drawing_canvas.pen_up()
        if self.drawing.redo():
            self._show_page()

    def clear(self) -> None:
        """Take a blank page; the drawing goes into the history."""
        self.drawing_canvas.pen_up()
        self.add_to_history()
        if self.drawing.clear():
            self._show_page()

    def replace(self, page: Page) -> None:
        """Show another page, as one action that can be undone."""
        self.drawing.replace(page)
        self.show(ShownReading())
        self._show_page(refit=True)

    def show_opened(self, page: Page) -> None:
        """Show a page that was opened; read a number, or a digit if fewer than two are found."""
        self.drawing_canvas.pen_up()
        self.add_to_history()
        self.window.single.set(False)
        self.replace(page)
        self._opened_at = self.drawing.version

    def drawing_changed(self) -> None:
        """Read the drawing after any change to it."""
        if self.drawing.blank:
            self._take(PageReading(), self.drawing.version)
        elif not self.drawing.live:
            self._read()
        elif not self._read_due:
            self._read_due = self.root.after(READ_DELAY, self._read)
        self._show_hint_and_buttons()
        self.on_change()

    def _show_page(self, refit: bool = False) -> None:
        """Show and read the page after a change that was not made on the canvas."""
        self.drawing_canvas.show(refit)
        self.drawing_changed()

    # reading

    def ask(
        self,
        request: Request,
        then: Callable[[Any], None],
        otherwise: Callable[[str], None] | None = None,
        newest: bool = False,
    ) -> None:
        """Have the worker process carry out a request, see `WorkerProcess.ask`.

        Without `otherwise`, the reason for no answer is shown in the status line.
        """
        self.worker_process.ask(request, then, otherwise or self.say, newest)

    def read_again(self) -> None:
        """Read the drawing again after the way of reading has changed."""
        self.drawing_canvas.pen_up()
        self.drawing.touch()
        self.show(ShownReading())
        self.drawing_changed()

    def _read(self) -> None:
        if self._read_due:
            self.root.after_cancel(self._read_due)
            self._read_due = ""
        page = self.drawing.snapshot()
        if not page.blank:
            then = partial(self._take, version=self.drawing.version)
            request = Read(page, self.window.single.get(), self.window.use_memory.get())
            self.ask(request, then, newest=True)

    def _take(self, reading: PageReading, version: int) -> None:
        """Show a reading, unless the drawing has changed since it was requested."""
        if version != self.drawing.version:
            return
        if version == self._opened_at and len(reading.digits) < 2:
            self.window.single.set(True)
            self.read_again()
            return
        for text, number in (("turned", reading.turned), ("crossed_out", reading.crossed_out)):
            if number and number != getattr(self.shown.reading, text):
                self.say(say(text, number=number))
        shown = ShownReading(reading, version)
        if shown.are_signs() == self.shown.are_signs():
            shown.chosen = self.shown.chosen
        self.show(shown)
        self.on_reading()

    def _worker_ready(self) -> None:
        self.ready = True
        if self.window.status in ("", say("loading")):  # else something was said meanwhile
            self.say(say("ready", key=key_for("<<Help>>")))
        self.on_ready()

    def _worker_restarted(self) -> None:
        if self._restarted_at != self.drawing.version:  # the drawing that ended the process is not read twice
            self._restarted_at = self.drawing.version
            self.drawing_changed()

    def _worker_failed(self, reason: str) -> None:
        if self.ready:
            self.say(reason)  # the window stays open: the drawing can still be seen
        else:
            self.close_with(reason)

    # what is shown

    def show(self, shown: ShownReading) -> None:
        """Show a reading of the drawing."""
        self.shown = shown
        self.window.show_reading(shown)
        self._show_hint_and_buttons()
        self.show_why()

    def choose(self, place: int) -> None:
        """Show the digit with this index in detail, if there is one."""
        if 0 <= place < len(self.shown.reading.digits):
            self.shown.chosen = place
            self.show(self.shown)

    def show_why(self) -> None:
        """Show the digit that is read in detail as the network sees it, with heat maps if they are wanted."""
        digit = self.shown.digit
        self.window.show_glyph(digit)
        if digit is None or not self.window.why.get():
            return
        label = self.shown.labels()[self.shown.chosen]
        ranked = sorted(
            digit.ranked(), key=lambda number: str(number) != label
        )  # what is shown, as corrected
        explained = tuple(ranked[:2])

        def show(heats: tuple[bytes, ...]) -> None:
            if self.shown.digit is digit and self.window.why.get():
                self.window.show_glyph(digit, tuple(zip(explained, heats, strict=True)))

        self.ask(Explain(digit.glyph, explained), show, newest=True)

    def _show_hint_and_buttons(self) -> None:
        self.window.show_hint(self.drawing.blank)
        self.window.toolbar.show_buttons(self.drawing.can_undo, self.drawing.can_redo)

    # the history

    def add_to_history(self) -> None:
        """Put the page and its reading into the history, if digits are found on it."""
        read = self.shown.version == self.drawing.version
        self.add_page_to_history(self.drawing.page, self.window.single.get(), self.shown if read else None)

    def add_page_to_history(self, page: Page, single: bool, shown: ShownReading | None = None) -> None:
        """Put a page into the history, if digits are found on it; without a reading it is read."""
        if shown is None and not page.blank:
            request = Read(page, single, self.window.use_memory.get())
            self.ask(request, lambda reading: self.add_page_to_history(page, single, ShownReading(reading)))
        elif shown and shown.digit:
            self.history.add(Entry(page, shown.text(), single))

    def recall(self, entry: Entry) -> None:
        """Show a page of the history; the one that is shown now goes into it."""
        self.drawing_canvas.pen_up()
        self.add_to_history()
        if entry.page is not self.drawing.page:
            self.window.single.set(entry.single)
            self.replace(entry.page)

    # errors

    def _handle_error(self, kind: type, error: BaseException, trace: object) -> None:
        """Close the window after Ctrl-C; show any other exception of a callback in the status line."""
        if isinstance(error, KeyboardInterrupt):
            self._failure = error
            self.root.quit()
            return
        if not isinstance(error, UserError):
            traceback.print_exception(error, file=sys.stderr)
        self.say(str(error))
