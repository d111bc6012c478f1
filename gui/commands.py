"""Commands: what each key and button does. The virtual events of `keys` are bound here and nowhere else."""

import os
import tempfile
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.geometry import Box, box_of
from common.messages import short
from gui.clipboard import COPY_TOOLS, copy_picture, copy_text, picture_from_clipboard
from gui.corrections import Corrections
from gui.desktop import accept_files, ask_for_picture, ask_where_to_save
from gui.drawing import Page, Picture, Stroke
from gui.history_menu import HistoryMenu
from gui.keys import CORRECT, key_for
from gui.painting import part_of
from gui.protocol import Open, Save
from gui.region_frame import RegionFrame
from gui.sample_digits import KEY_POINTS, digit, photo
from gui.session import Session
from gui.texts import say
from gui.widgets import KeyList

STROKES_SIDE = 0.6  # of the sheet, that pasted and opened strokes fill


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
        bind("<<Undo>>", self.undo)
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

    def undo(self) -> None:
        """Take back the last correction of the shown reading; if there is none, undo the last action."""
        self.session.drawing_canvas.pen_up()
        if not self.corrections.take_back():
            self.session.undo()

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
        session = self.session
        canvas, strokes = session.drawing_canvas, session.drawing.page.strokes
        canvas.pen_up()
        height, x = 0.6 * canvas.side, 0.0
        if session.window.single.get():
            session.clear()
            strokes = ()
        else:
            height = 0.3 * canvas.side
            bounds = session.drawing.page.bounds()
            x = bounds[2] + 0.5 * height if bounds else -canvas.side / 3
        drawn = tuple(Stroke(tuple(line), canvas.brush) for line in digit(number, (x, 0.0), height))
        session.replace(Page((*strokes, *drawn), session.drawing.page.picture))

    def show_sample_photo(self) -> None:
        """Open the sample photo."""
        self._opened(photo())

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
        path = ask_for_picture(self.session.root)
        self.session.drawing_canvas.focus_set()
        if path:
            self.open_from(path)

    def paste(self) -> None:
        """Open the picture in the clipboard."""
        source = picture_from_clipboard(self.session.root)
        if source:
            self.open_from(source)
        else:
            self.session.say(say("nothing_to_paste"))

    def open_from(self, source: Path | bytes, otherwise: Callable[[str], None] | None = None) -> None:
        """Open a picture.

        Args:
            source: an image file or its content.
            otherwise: called with the reason if it cannot be opened; None for the status line.
        """
        self.session.say(say("opening"))
        self.session.ask(Open(source), self._opened, otherwise)

    def _opened(self, picture: Picture | Page) -> None:
        if isinstance(picture, Page):
            self._show_strokes(picture)
            return
        self.session.show_picture(picture)
        if picture.pages > 1:
            self.session.say(say("first_page", pages=picture.pages))
        else:
            self.session.say(say("opened"))

    def _show_strokes(self, page: Page) -> None:
        """Show strokes of any size, scaled to the sheet."""
        session, canvas = self.session, self.session.drawing_canvas
        canvas.pen_up()
        session.add_to_history()
        left, top, right, bottom = box_of([point for stroke in page.strokes for point in stroke.points])
        x, y = (left + right) / 2, (top + bottom) / 2
        scale = STROKES_SIDE * canvas.side / max(right - left, bottom - top, 1e-9)
        lines = (
            tuple(((a - x) * scale, (b - y) * scale) for a, b in stroke.points) for stroke in page.strokes
        )
        session.replace(Page(tuple(Stroke(line, canvas.brush) for line in lines)))
        session.say("")

    def read_part(self, region: Box) -> None:
        """Show and read only a part of the page, which has a picture.

        Args:
            region: the part, in page coordinates.
        """
        part = part_of(self.session.drawing.page, region)
        if part:
            self.session.show_picture(part)
            self.session.say(say("part", key=key_for("<<Undo>>")))

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
        path = ask_where_to_save(session.root, text.replace("?", "") or say("drawing"))
        session.drawing_canvas.focus_set()
        if path:
            request = Save(path, page, *session.drawing_canvas.whole_view(page))
            session.ask(request, lambda path: session.say(say("saved", path=short(path))))

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
        if session.drawing.blank:
            session.say(say("nothing_to_copy"))
            return

        def copy(path: Path) -> None:
            copied = copy_picture(path)
            session.say(say("copied_picture") if copied else say("cannot_copy_picture", tools=COPY_TOOLS))

        path = Path(tempfile.gettempdir()) / f"digits-{os.getpid()}.png"
        page = session.drawing.page
        session.ask(Save(path, page, *session.drawing_canvas.whole_view(page)), copy)

    def help(self) -> None:
        """Open or close the list of keys."""
        if self._key_list and self._key_list.winfo_exists():
            self._key_list.destroy()
        else:
            self._key_list = KeyList(self.session.root, self.session.theme)


def _toggle(variable: tk.BooleanVar) -> None:
    variable.set(not variable.get())
