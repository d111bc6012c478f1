"""A session at the window: what each button and key does, and what happens when an answer arrives."""

import sys
import tkinter as tk
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common.messages import UserError
from gui.corrections import Corrections
from gui.desktop import Exchange
from gui.drawing import Drawing, Page
from gui.history_strip import Entry
from gui.keys import key_for, listen
from gui.main_window import MainWindow
from gui.protocol import Answer
from gui.shown_reading import ShownReading
from gui.theme import Theme
from gui.widgets import KeyList
from gui.worker_process import WorkerProcess

READ_AFTER = 10  # milliseconds from a move of the pen to the question: the moves in between share one


class Session:
    """From the window's opening to its end.

    Args:
        root: Tk's main window, empty.
        theme: how it looks.
        reading: checkpoint, device, threads and profile, as `WorkerProcess` takes them.
        side: of the sheet at first, in pixels.
        brush: the pen's width at first, in pixels.
        picture: to open at once.
    """

    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        reading: tuple[str | None, str, int, str],
        side: int,
        brush: float,
        picture: Path | None = None,
    ) -> None:
        self.root, self.theme = root, theme
        self.drawing = Drawing()
        self.shown = ShownReading()
        self.opened_at = -1  # the drawing's version at which a picture was opened
        self._restarted_at = -1
        self._read_due = ""
        self.was_ready = False
        self._help: KeyList | None = None
        self._failure: BaseException | None = None
        root.report_callback_exception = self._caught
        root.protocol("WM_DELETE_WINDOW", self.quit)
        self.reader = WorkerProcess(
            root, *reading, on_ready=self._ready, on_failure=self._failed, on_restart=self._restarted
        )
        self.teaching, exchange = Corrections(self), Exchange(self)
        self.toggle_memory, self.memory_switched = self.teaching.toggle, self.teaching.switched
        self.show_memory = self.teaching.show_panel
        self.open, self.paste = exchange.open, exchange.paste
        self.save, self.copy = exchange.save, exchange.copy
        self.window = MainWindow(root, theme, self.drawing, self, side, brush)
        self.sheet, self.history = self.window.sheet, self.window.history
        listen(root, self, self.teaching.correct)
        self.show(ShownReading())
        self.say("Loading the network…")
        if picture:
            exchange.read_from(picture, otherwise=self._end_with)

    def run(self) -> None:
        """Until the window is closed.

        Raises:
            UserError: if reading is not possible, or the picture to open at once is none.
            KeyboardInterrupt: after Ctrl-C in the terminal.
        """
        try:
            self.root.mainloop()
        finally:
            self.reader.close()
            self.root.destroy()
        if self._failure:
            raise self._failure

    # drawing

    def undo(self) -> None:
        self.sheet.pen_up()
        if not self.teaching.take_back() and self.drawing.undo():
            self._page_changed()

    def redo(self) -> None:
        self.sheet.pen_up()
        if self.drawing.redo():
            self._page_changed()

    def clear(self) -> None:
        self.sheet.pen_up()
        self.remember()
        if self.drawing.clear():
            self._page_changed()

    def thinner(self) -> None:
        self.window.change_brush(-1)

    def thicker(self) -> None:
        self.window.change_brush(1)

    def _page_changed(self, refit: bool = False) -> None:
        """After a change that was not made on the sheet."""
        self.sheet.show(refit)
        self.changed()

    def changed(self) -> None:
        """After any change to the drawing."""
        if self.drawing.blank:
            self._take(Answer((), ""), self.drawing.version)
        elif not self.drawing.live:
            self._read()
        elif not self._read_due:
            self._read_due = self.root.after(READ_AFTER, self._read)
        self.window.show_hint(self.drawing.blank)
        self.window.show_buttons(self.drawing.can_undo, self.drawing.can_redo)

    # reading

    def ask(
        self,
        task: str,
        *arguments: Any,
        then: Callable[[Any], None],
        otherwise: Callable[[str], None] | None = None,
        newest: bool = False,
    ) -> None:
        """As `WorkerProcess.ask`; what goes wrong is said in the status line, if nothing else is to happen."""
        self.reader.ask(task, *arguments, then=then, otherwise=otherwise or self.say, newest=newest)

    def _read(self) -> None:
        if self._read_due:
            self.root.after_cancel(self._read_due)
            self._read_due = ""
        page = self.drawing.snapshot()
        if not page.blank:
            then = partial(self._take, version=self.drawing.version)
            self.ask(
                "read", page, self.window.single.get(), self.window.personal.get(), then=then, newest=True
            )

    def _take(self, answer: Answer, version: int) -> None:
        """Show an answer, unless the drawing has changed since it was asked for."""
        if version != self.drawing.version:
            return
        if version == self.opened_at and len(answer.digits) < 2:
            self.window.single.set(True)
            self.read_again()
            return
        shown = ShownReading(answer, version)
        if len(answer.digits) == len(self.shown.answer.digits):
            shown.chosen = self.shown.chosen
        self.show(shown)
        self.teaching.reading_arrived()

    def _ready(self) -> None:
        self.was_ready = True
        self.say(f"Draw a digit. {key_for('help')} shows all keys.")
        self.teaching.opened()

    def _restarted(self) -> None:
        if self._restarted_at != self.drawing.version:  # a drawing that ends the process is not read twice
            self._restarted_at = self.drawing.version
            self.changed()

    def _failed(self, reason: str) -> None:
        if self.was_ready:
            self.say(reason)  # what was drawn can still be seen
        else:
            self._end_with(reason)

    # what is shown

    def show(self, shown: ShownReading) -> None:
        self.shown = shown
        self.window.show_reading(shown)
        self.window.show_hint(self.drawing.blank)
        self.window.show_buttons(self.drawing.can_undo, self.drawing.can_redo)
        self.show_why()

    def show_why(self) -> None:
        """Show what speaks for the digit that is shown, or stop showing it."""
        digit = self.shown.digit
        if digit is None:
            return
        if not self.window.why.get():
            self.window.show_heat(digit, None)
            return

        def show(heat: bytes) -> None:
            if self.shown.digit is digit and self.window.why.get():
                self.window.show_heat(digit, heat)

        self.ask("explain", digit.glyph, digit.digit, then=show, newest=True)

    def toggle_why(self) -> None:
        self.window.why.set(not self.window.why.get())
        self.show_why()

    def toggle_mode(self) -> None:
        self.window.single.set(not self.window.single.get())
        self.read_again()

    def read_again(self) -> None:
        """Read the drawing once more, after a change of how to read."""
        self.sheet.pen_up()
        self.drawing.touch()
        self.show(ShownReading())
        self.changed()

    def choose_previous(self) -> None:
        self.choose(self.shown.chosen - 1)

    def choose_next(self) -> None:
        self.choose(self.shown.chosen + 1)

    def choose(self, place: int) -> None:
        """Show the digit at `place` in full, if there is one."""
        if 0 <= place < len(self.shown.answer.digits):
            self.shown.chosen = place
            self.show(self.shown)

    def say(self, text: str) -> None:
        self.window.say(text)

    # the history

    def remember(self) -> None:
        """Put what is on the sheet into the history, with its reading."""
        page, single = self.drawing.page, self.window.single.get()

        def add(shown: ShownReading) -> None:
            if shown.digit:
                self.history.add(Entry(page, shown.text(), single))

        if self.shown.version == self.drawing.version:
            add(self.shown)
        elif not page.blank:  # the reading has not arrived
            self.ask(
                "read",
                page,
                single,
                self.window.personal.get(),
                then=lambda answer: add(ShownReading(answer)),
            )

    def recall(self, entry: Entry) -> None:
        """Bring back what was read before."""
        self.sheet.pen_up()
        self.remember()
        if entry.page is not self.drawing.page:
            self.window.single.set(entry.single)
            self.replace(entry.page)

    def replace(self, page: Page) -> None:
        """Show another page, as one action."""
        self.drawing.replace(page)
        self.show(ShownReading())
        self._page_changed(refit=True)

    def older(self) -> None:
        self._step(1)

    def newer(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        self.sheet.pen_up()
        self.remember()
        if entry := self.history.step(self.drawing.page, by):
            self.recall(entry)

    # the rest

    def help(self) -> None:
        if self._help and self._help.winfo_exists():
            self._help.destroy()
        else:
            self._help = KeyList(self.root, self.theme)

    def quit(self) -> None:
        self.root.quit()

    def _end_with(self, reason: str) -> None:
        """Close the window: nothing can be read, or not what was asked for on the command line."""
        self._failure = UserError(reason)
        self.root.quit()

    def _caught(self, kind: type, error: BaseException, trace: object) -> None:
        """What a callback raised: Ctrl-C ends the window, anything else is shown and survived."""
        if isinstance(error, KeyboardInterrupt):
            self._failure = error
            self.root.quit()
            return
        if not isinstance(error, UserError):
            traceback.print_exception(error, file=sys.stderr)
        self.say(str(error))
