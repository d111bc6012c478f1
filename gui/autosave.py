"""Autosave: the sheet is kept while it is drawn on, and is back when the window is opened again."""

from pathlib import Path

from gui.drawing import Page
from gui.keys import key_for
from gui.protocol import KeepSheet, RestoreSheet, Sheet
from gui.session import Session
from gui.texts import say

FILE = "sheet.json"  # in the folder of the profile
DELAY = 1_000  # milliseconds after a change until the sheet is kept


class Autosave:
    """Keeps the sheet of a session, and restores the one before.

    At the very first start, when there is no such file, examples show what to draw.

    Args:
        session: the session; its `on_change` and `on_close` are set here.
        folder: of the profile.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.path = session, folder / FILE
        self._due = ""
        self._kept: tuple[Page, bool, bool] | None = None
        self._restored = not self.path.exists()
        if self._restored:
            session.drawing_canvas.show_examples(True)
        else:
            session.ask(RestoreSheet(self.path), self._restore, self._cannot_restore)
        session.on_change, session.on_close = self._changed, lambda: self._keep(closing=True)

    def _changed(self) -> None:
        if not self.session.drawing.blank:
            self.session.drawing_canvas.show_examples(False)
        if not self._due:
            self._due = self.session.root.after(DELAY, self._keep)

    def _keep(self, closing: bool = False) -> None:
        """Keep the sheet if it has changed; the one before is restored first."""
        if self._due:
            self.session.root.after_cancel(self._due)
            self._due = ""
        if not self._restored:
            return
        if self.session.drawing.live and not closing:  # writing would delay the readings
            self._changed()
            return
        window, page = self.session.window, self.session.drawing.page
        state = page, window.single.get(), window.ink_follows_speed.get()
        if state != self._kept and not (page.blank and self._kept is None):
            self._kept = state
            self.session.ask(KeepSheet(self.path, Sheet(*state)), lambda _: None, newest=True)

    def _restore(self, sheet: Sheet) -> None:
        session = self.session
        self._restored = True
        session.window.ink_follows_speed.set(sheet.ink_follows_speed)
        session.drawing_canvas.repaint_ink()
        if sheet.page.blank:
            return
        if session.drawing.blank:
            session.window.single.set(sheet.single)
            session.replace(sheet.page)
            self._kept = sheet.page, sheet.single, sheet.ink_follows_speed
            keys = {"key": key_for("<<ClearPage>>"), "undo": key_for("<<Undo>>")}
            session.say(say("restored", **keys))
        else:  # something was drawn or opened meanwhile
            session.remember(sheet.page, sheet.single)
            session.say(say("restored_to_history", key=key_for("<<Older>>")))

    def _cannot_restore(self, reason: str) -> None:
        self._restored = True
        self.session.say(reason)
