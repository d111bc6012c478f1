"""Autosave: the sheet is kept while it is drawn on, and is back when the window is opened again."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from filelock import FileLock, Timeout

from common.messages import UserError, complain, short
from gui.keys import key_for
from gui.session import Session
from gui.sheet_file import SavedSheet, SheetFile
from gui.texts import say

FILE = "sheet.json"  # in the folder of the profile
DELAY = 1_000  # milliseconds after a change until the sheet is kept
POLL = 30  # milliseconds between two looks whether it is written


class Autosave:
    """Restores the sheet of a session and keeps it from then on: in a thread, since a disk may be slow.

    At the very first start, when there is no such file, examples show what to draw. Of several windows of a
    profile the first keeps its sheet.

    Args:
        session: the session; its `on_change` and `on_close` are set here.
        folder: of the profile.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self._file = SheetFile(folder / FILE)
        self._lock = FileLock(folder / f".{FILE}.lock")
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future | None = None
        self._due = ""
        self._complained = False
        self._kept = self._sheet()
        if not self._is_first():
            session.say(say("kept_by_another"))
        elif self._restore():
            session.on_change, session.on_close = self._changed, self._close

    @property
    def busy(self) -> bool:
        """Whether the sheet is being written or will be."""
        return bool(self._due or self._writing)

    def _is_first(self) -> bool:
        """Return whether no other window keeps the sheet of this profile."""
        try:
            self._file.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError:
            pass  # the folder cannot be written: the first change says so
        return True

    def _sheet(self) -> SavedSheet:
        session, window = self.session, self.session.window
        page = session.drawing.snapshot()
        single, follows, used = (
            variable.get() for variable in (window.single, window.ink_follows_speed, window.use_memory)
        )
        return SavedSheet(page, single, follows, session.drawing_canvas.side, session.folder, used)

    def _restore(self) -> bool:
        """Show the sheet that was kept; return False if it is there and cannot be read."""
        session = self.session
        if not self._file.path.exists():
            session.drawing_canvas.show_examples(True)
            return True
        try:
            try:
                sheet = self._file.read(session.drawing_canvas.side)
            except ValueError:
                session.say(say("broken_sheet", path=short(self._file.set_aside())))
                return True
        except OSError as error:
            reason = error.strerror or error
            session.say(say("unreadable_sheet", path=short(self._file.path), reason=reason))
            return False
        session.window.ink_follows_speed.set(sheet.ink_follows_speed)
        session.drawing_canvas.repaint_ink()
        session.window.single.set(sheet.single)
        session.window.use_memory.set(sheet.use_memory)
        session.folder = sheet.folder
        if not sheet.page.blank:
            session.replace(sheet.page)
            session.say(say("restored", key=key_for("<<ClearPage>>"), undo=key_for("<<Undo>>")))
        self._kept = self._sheet()
        return True

    def _changed(self) -> None:
        if not self.session.drawing.blank:
            self.session.drawing_canvas.show_examples(False)
        if not self._due:
            self._due = self.session.root.after(DELAY, self._keep)

    def _keep(self) -> None:
        """Write the sheet if it has changed and the pen is up."""
        self._due = ""
        sheet = self._sheet()
        if self._writing or self.session.drawing.live:
            self._changed()
        elif not sheet.same_as(self._kept):
            self._writing = self._thread.submit(self._file.write, sheet)
            self._finish_writing(sheet)

    def _finish_writing(self, sheet: SavedSheet) -> None:
        """Note that the sheet is written, or say why not; until then, ask again."""
        if not self._writing.done():
            self.session.root.after(POLL, self._finish_writing, sheet)
            return
        error, self._writing = self._writing.exception(), None
        if error is None:
            self._kept, self._complained = sheet, False
        elif isinstance(error, UserError):
            if not self._complained:
                self.session.say(str(error))
            self._complained = True
        else:
            raise error

    def _close(self) -> None:
        """Write what is not written yet, when the window closes."""
        if self._due:
            self.session.root.after_cancel(self._due)
        self._thread.shutdown()
        sheet = self._sheet()
        if not sheet.same_as(self._kept):
            try:
                self._file.write(sheet)
            except UserError as error:
                complain(str(error))
        self._lock.release()
