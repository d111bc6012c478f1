"""Commands: what each key and button does. The virtual events of `keys` are bound here and nowhere else."""

import shutil
import sys
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.geometry import Box, box_of
from common.messages import short
from gui.clipboard import copy_text, picture_from_clipboard
from gui.copy_programs import copy_program
from gui.corrections import Corrections
from gui.desktop import accept_files, ask_for_picture, ask_where_to_save
from gui.drawing import Page, Picture
from gui.history_menu import HistoryMenu
from gui.keys import CORRECT, key_for
from gui.painting import part_of, shares_of
from gui.protocol import CopyPicture, Open, Save
from gui.region_frame import RegionFrame
from gui.sample_digits import KEY_POINTS, digit, sample_photo
from gui.session import Session
from gui.stroke import Stroke
from gui.texts import say
from gui.widgets import KeyList

STROKES_SIDE = 0.6  # of the sheet, that pasted and opened strokes fill
# Of sample digits, relative to the sheet: the height of a single one, that of one in a number, the gap from
# one to the next, and how far left of the middle a number begins.
SAMPLE_HEIGHT, SAMPLE_IN_NUMBER, SAMPLE_GAP, SAMPLE_START = 0.6, 0.3, 0.15, 0.33


class Commands:
    """Binds the virtual events that keys and buttons raise.

    Args:
        session: what is drawn, read and shown.
        corrections: the corrections of `session`.
    """

    def __init__(self, session: Session, corrections: Corrections) -> None:
        self.session, self.corrections = session, corrections
        self._key_list: KeyList | None = None
        HistoryMenu(session, corrections, self.save_page)
        accept_files(session.root, self.open_from)
        change_brush = session.window.change_brush
        bind = self._bind
        window, view = session.window, session.drawing_canvas.view
        bind("<<UsePen>>", window.eraser.set, False)
        bind("<<UseEraser>>", window.eraser.set, True)
        bind("<<ToggleInk>>", self.toggle_ink)
        bind("<<InkChanged>>", session.drawing_canvas.repaint_ink)
        bind("<<ZoomIn>>", view.zoom_by, 1)
        bind("<<ZoomOut>>", view.zoom_by, -1)
        bind("<<ShowAll>>", session.drawing_canvas.show, True)
        bind("<<More>>", window.toolbar.show_menu)
        bind("<<CopyPicture>>", self.copy_picture)
        bind("<<SamplePhoto>>", self.show_sample_photo)
        for number in KEY_POINTS:
            bind(f"<<Sample{number}>>", self.draw_sample, number)
        bind("<<Undo>>", session.undo)
        bind("<<Redo>>", session.redo)
        bind("<<ClearPage>>", session.clear)
        bind("<<Thinner>>", change_brush, -1)
        bind("<<Thicker>>", change_brush, 1)
        bind("<<ToggleMode>>", self.toggle_mode)
        bind("<<ModeChanged>>", session.read_again)
        bind("<<ToggleWhy>>", self.toggle_why)
        bind("<<WhyChanged>>", session.show_why)
        bind("<<ToggleMemory>>", self.toggle_memory)
        bind("<<MemoryChanged>>", corrections.read_again)
        bind("<<ShowMemory>>", corrections.toggle_window)
        bind("<<ChoosePrevious>>", self.choose, -1)
        bind("<<ChooseNext>>", self.choose, 1)
        bind("<<Older>>", self.step_in_history, 1)
        bind("<<Newer>>", self.step_in_history, -1)
        bind("<<OpenPicture>>", self.open)
        bind("<<PastePicture>>", self.paste)
        bind("<<SaveDrawing>>", self.save)
        bind("<<CopyReading>>", self.copy)
        bind("<<Help>>", self.help)
        bind("<<Quit>>", session.root.quit)
        RegionFrame(session.drawing_canvas, self.read_part)
        for label, event in enumerate(CORRECT):
            bind(event, corrections.correct, label)

    def _bind(self, event: str, command: Callable[..., None], *arguments: Any) -> None:
        self.session.root.bind(event, lambda _: command(*arguments))

    def toggle_mode(self) -> None:
        """Switch between reading a digit and reading a number."""
        _toggle(self.session.window.single)
        self.session.read_again()

    def toggle_why(self) -> None:
        """Show or hide what speaks for the reading."""
        _toggle(self.session.window.why)
        self.session.show_why()

    def toggle_ink(self) -> None:
        """Switch whether fast strokes are thinner."""
        _toggle(self.session.window.ink_follows_speed)
        self.session.drawing_canvas.repaint_ink()

    def draw_sample(self, number: int) -> None:
        """Draw a sample digit on a blank page; in a number, to the right of what is there."""
        session, canvas = self.session, self.session.drawing_canvas
        canvas.pen_up()
        page = Page()
        if session.window.single.get():
            session.add_to_history()
            height, x = SAMPLE_HEIGHT, 0.0
        else:
            page, height = session.drawing.page, SAMPLE_IN_NUMBER
            bounds = page.bounds()
            x = bounds[2] / canvas.side + SAMPLE_GAP if bounds else -SAMPLE_START
        lines = digit(number, (x * canvas.side, 0.0), height * canvas.side)
        drawn = (Stroke(tuple(line), canvas.brush) for line in lines)
        session.replace(Page((*page.strokes, *drawn), page.picture))

    def show_sample_photo(self) -> None:
        """Open the sample photo."""
        self._opened(sample_photo())

    def toggle_memory(self) -> None:
        """Switch between reading with and without corrected samples."""
        _toggle(self.session.window.use_memory)
        self.corrections.read_again()

    def choose(self, by: int) -> None:
        """Show in detail the digit that is `by` places further in the number."""
        self.session.choose(self.session.shown.chosen + by)

    def step_in_history(self, by: int) -> None:
        """Show the page `by` places further back in the history; forward if it is negative."""
        session = self.session
        session.drawing_canvas.pen_up()
        session.add_to_history()
        if entry := session.history.step(session.drawing.page, by):
            session.recall(entry)

    def open(self) -> None:
        """Ask for a picture and open it."""
        path = ask_for_picture(self.session.root, self.session.folder)
        self.session.drawing_canvas.focus_set()
        if path:
            self.open_from(path)

    def paste(self) -> None:
        """Open the picture or the strokes in the clipboard."""
        source = picture_from_clipboard(self.session.root)
        if source:
            self.open_from(source)
        else:
            self.session.say(say("nothing_to_paste"))

    def open_from(self, source: Path | bytes, otherwise: Callable[[str], None] | None = None) -> None:
        """Open a picture or strokes.

        Args:
            source: an image file, a stroke file or the content of one.
            otherwise: called with the reason if it cannot be opened; None for the status line.
        """
        if isinstance(source, Path):
            self.session.folder = str(source.parent.absolute())
        self.session.say(say("opening"))
        self.session.ask(Open(source), self._opened, otherwise or self._failed("not_opened"))

    def _opened(self, opened: Picture | Page) -> None:
        if isinstance(opened, Page):
            self._show_strokes(opened)
            return
        self._show_picture(opened)
        if opened.pages > 1:
            self.session.say(say("first_page", pages=opened.pages))
        else:
            self.session.say(say("opened"))

    def _show_picture(self, picture: Picture) -> None:
        """Show a picture as large as fits."""
        region, _ = self.session.drawing_canvas.whole_view(Page())
        self.session.show_opened(Page(picture=picture.fitted(region)))

    def _show_strokes(self, page: Page) -> None:
        """Show strokes of any size, scaled to the sheet."""
        session, canvas = self.session, self.session.drawing_canvas
        left, top, right, bottom = box_of([point for stroke in page.strokes for point in stroke.points])
        x, y = (left + right) / 2, (top + bottom) / 2
        scale = STROKES_SIDE * canvas.side / max(right - left, bottom - top, 1e-9)
        lines = (
            tuple(((a - x) * scale, (b - y) * scale) for a, b in stroke.points) for stroke in page.strokes
        )
        session.show_opened(Page(tuple(Stroke(line, canvas.brush) for line in lines)))
        session.say("")

    def read_part(self, region: Box) -> None:
        """Show and read only a part of the page, which has a picture.

        Args:
            region: the part, in page coordinates.
        """
        page = self.session.drawing.page

        def show(part: Picture) -> None:
            self._show_picture(part)
            self.session.say(say("part", key=key_for("<<Undo>>")))

        def cut(reason: str = "") -> None:
            if part := part_of(page, region):
                show(part)

        if page.strokes or not page.picture.file:
            cut()
        else:  # the file has more pixels than the page, if it is still there
            request = Open(Path(page.picture.file), shares_of(page.picture, region))
            self.session.ask(request, show, cut)

    def save(self) -> None:
        """Ask for a file and write the drawing to it."""
        self.session.drawing_canvas.pen_up()
        if self.session.drawing.blank:
            self.session.say(say("nothing_to_save"))
        else:
            self.save_page(self.session.drawing.page, self.session.shown.text())

    def save_page(self, page: Page, text: str) -> None:
        """Ask for a file, named after the text of the reading, and write a page to it."""
        session = self.session
        path = ask_where_to_save(session.root, session.folder, text.replace("?", "") or say("drawing"))
        session.drawing_canvas.focus_set()
        if path:
            session.folder = str(path.parent.absolute())
            request = Save(path, page, *self._look_of(page))
            session.ask(request, self._saved, self._failed("not_saved"))

    def _saved(self, path: Path) -> None:
        self.session.say(say("saved", path=short(path)))

    def _failed(self, text: str) -> Callable[[str], None]:
        """Return a function that shows a reason in this text."""
        return lambda reason: self.session.say(say(text, reason=reason))

    def copy(self) -> None:
        """Copy the text of the reading to the clipboard."""
        text = self.session.shown.text()
        if text:
            copy_text(self.session.root, text)
        self.session.say(say("copied", text=text) if text else say("nothing_to_copy"))

    def copy_picture(self) -> None:
        """Copy the drawing as a picture to the clipboard."""
        session = self.session
        session.drawing_canvas.pen_up()
        page = session.drawing.page
        if page.blank:
            session.say(say("nothing_to_copy"))
        elif sys.platform == "linux" and not shutil.which(copy_program()[0]):
            session.say(say("no_copy_program"))
        else:
            session.ask(CopyPicture(page, *self._look_of(page)), self._copied)

    def _copied(self, copied: bool) -> None:
        self.session.say(say("copied_picture" if copied else "cannot_copy_picture"))

    def _look_of(self, page: Page) -> tuple[Box, float, bool]:
        """Return how a page is shown as a whole: region, scale, and whether fast strokes are thinner."""
        return *self.session.drawing_canvas.whole_view(page), self.session.window.ink_follows_speed.get()

    def help(self) -> None:
        """Open or close the list of keys."""
        if self._key_list and self._key_list.winfo_exists():
            self._key_list.destroy()
        else:
            self._key_list = KeyList(self.session.root, self.session.theme)


def _toggle(variable: tk.BooleanVar) -> None:
    variable.set(not variable.get())
