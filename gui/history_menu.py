"""The menu of a page in the history: show it again, correct it, delete it, save it."""

import tkinter as tk
from collections.abc import Callable
from functools import cached_property

from gui.corrections import Corrections
from gui.drawing import Page
from gui.history_strip import Entry
from gui.session import Session
from gui.texts import say


class HistoryMenu:
    """Opens on a right click on a thumbnail.

    Args:
        session: whose history it is.
        corrections: of the session.
        save: called with a page and the text of its reading to ask for a file and write it.
    """

    def __init__(self, session: Session, corrections: Corrections, save: Callable[[Page, str], None]) -> None:
        self._session, self._corrections, self._save = session, corrections, save
        self._entry: Entry | None = None
        session.history.on_menu = self.open

    @cached_property
    def menu(self) -> tk.Menu:
        """The menu, made when it is first needed."""
        session = self._session
        menu = tk.Menu(session.root, tearoff=False)
        labels = tk.Menu(menu, tearoff=False)
        for label in range(10):
            labels.add_command(label=str(label), command=lambda label=label: self._correct(label))
        menu.add_command(label=say("again"), command=lambda: session.recall(self._entry))
        menu.add_cascade(label=say("correct_to"), menu=labels)
        menu.add_command(
            label=say("save_entry"), command=lambda: self._save(self._entry.page, self._entry.text)
        )
        menu.add_separator()
        menu.add_command(label=say("delete"), command=lambda: session.history.remove(self._entry))
        return menu

    def open(self, entry: Entry, x: int, y: int) -> None:
        """Open the menu of an entry at a place on the screen."""
        self._entry = entry
        self.menu.entryconfigure(say("correct_to"), state="normal" if len(entry.text) == 1 else "disabled")
        self.menu.tk_popup(x, y)

    def _correct(self, label: int) -> None:
        self._session.recall(self._entry)
        self._corrections.correct(label)
