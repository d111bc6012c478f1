"""Corrections: a reading that a person corrects becomes a sample, which counts until it is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.messages import complain
from gui.keys import key_for
from gui.memory_window import MemoryWindow
from gui.protocol import Remembered
from recognition import profiles

if TYPE_CHECKING:
    from gui.session import Session


class Corrections:
    """What a session does with corrections and with what is remembered of them."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._due: tuple[int, int] | None = None  # a label, and the drawing it is for
        self._newest = ""  # the last of the samples' names
        self._panel: MemoryWindow | None = None

    def opened(self) -> None:
        """Once questions are answered: say what of the profile is broken."""

        def look(remembered: Remembered) -> None:
            if names := remembered.set_aside:
                for name in names:
                    complain(f"broken, set aside: {remembered.folder}/{name}")
                more = f" and {len(names) - 1} more" if len(names) > 1 else ""
                self.session.say(f"Broken, set aside in {remembered.folder}: {names[0]}{more}")
            self._show(remembered)

        self.session.ask("remembered", then=look)

    # corrections

    def correct(self, label: int) -> None:
        """Keep the digit that is shown as a sample of `label`: the next reading knows it."""
        session = self.session
        session.sheet.pen_up()
        if session.drawing.blank:
            session.say("Nothing to correct yet: draw a digit first.")
            return
        if session.shown.version != session.drawing.version:
            self._due = label, session.drawing.version  # the reading is on its way
            return
        shown, digit, place = session.shown, session.shown.digit, session.shown.chosen
        if digit is None:
            session.say("Nothing to correct: no digit was found.")
            return
        # A new name, also where it was corrected before: their order says which word is the last.
        name = self._newest = profiles.new_name([self._newest])
        before = shown.correct(label, name)

        def kept(count: int) -> None:
            samples = "1 sample" if count == 1 else f"{count:,} samples"
            off = "" if session.window.personal.get() else f" (not in use: {key_for('toggle_memory')})"
            session.say(f"Remembered: your {label}, {samples}{off}")
            self._refresh()

        def failed(reason: str) -> None:
            del shown.corrected[place]
            if before:
                shown.corrected[place] = before
            session.show(session.shown)
            session.say(reason)

        box = None if session.window.single.get() else digit.box
        page = session.drawing.page
        instead_of = before and before[1]
        session.ask("keep", name, label, digit, page, box, instead_of, then=kept, otherwise=failed)
        session.show(shown)

    def reading_arrived(self) -> None:
        """Correct it, if that was asked for before, and for this very drawing."""
        due, self._due = self._due, None
        if due and due[1] == self.session.drawing.version:
            self.correct(due[0])
        elif due:
            self.session.say(f"Not corrected to {due[0]}: the drawing had changed.")

    def take_back(self) -> bool:
        """Forget the last correction of what is shown; False if there is none."""
        if not self.session.shown.corrected:
            return False
        label, name = self.session.shown.corrected.popitem()[1]

        def done(_: None) -> None:
            self.session.say(f"Taken back: the sample of a {label}.")
            self._refresh()

        self.session.ask("forget", name, then=done)
        self.session.show(self.session.shown)
        return True

    def toggle(self) -> None:
        """Change between with and without the memory."""
        personal = self.session.window.personal
        personal.set(not personal.get())
        self.switched()

    def switched(self) -> None:
        """Read again, after a change between with and without the memory."""
        used = "with" if self.session.window.personal.get() else "without"
        self.session.say(f"Reading {used} what you corrected.")
        self.session.read_again()

    # the panel

    def show_panel(self) -> None:
        """Open it, or close it."""
        if self._panel and self._panel.winfo_exists():
            self._panel.destroy()
        else:
            self._panel = MemoryWindow(self.session.root, self.session.theme, self._forget, self._forget_all)
            self._refresh()

    def _forget(self, name: str) -> None:
        self.session.ask("forget", name, then=lambda _: self._forgotten("1 sample"))

    def _forget_all(self) -> None:
        self.session.ask("forget_all", then=lambda count: self._forgotten(f"all {count:,} samples"))

    def _forgotten(self, what: str) -> None:
        self.session.say(f"Forgotten: {what}.")
        self._refresh()
        self.session.read_again()

    def _refresh(self) -> None:
        """Bring the panel up to date, if it is open."""
        if self._panel and self._panel.winfo_exists():
            self.session.ask("remembered", then=self._show, newest=True)

    def _show(self, remembered: Remembered) -> None:
        names = (self._newest, *(sample.name for sample in remembered.samples))
        self._newest = max(filter(profiles.NAME.fullmatch, names), default="")
        if self._panel and self._panel.winfo_exists():
            self._panel.show(remembered)
