"""The history: a strip of thumbnails of pages that were read before."""

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk

from gui.drawing import Page
from gui.icons import tk_image
from gui.painting import thumbnail
from gui.texts import say
from gui.theme import Theme, rgb


@dataclass(eq=False)
class Entry:
    """A page that was read, the text of its reading, and whether it was read as a single digit."""

    page: Page
    text: str
    single: bool


class HistoryStrip(ttk.Frame):
    """Shows entries as thumbnails, the newest first.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        on_choose: called with an entry that was clicked.

    Attributes:
        entries: the newest first, at most `LIMIT`.
        on_menu: called with an entry and a place on the screen after a right click.
    """

    LIMIT = 60

    def __init__(self, parent: tk.Misc, theme: Theme, on_choose: Callable[[Entry], None]) -> None:
        super().__init__(parent)
        self.theme, self._on_choose = theme, on_choose
        self.entries: list[Entry] = []
        self.on_menu: Callable[[Entry, int, int], None] = lambda entry, x, y: None
        self._buttons: list[ttk.Button] = []
        self._first = 0  # index of the first visible one
        self._side = theme.px(27)
        self._empty = ttk.Label(self, text=say("history_empty"), style="Muted.TLabel")
        self._empty.place(relx=0, rely=0.5, anchor="w")
        probe = self._button(Entry(Page(), "0", True))
        self._slot = probe.winfo_reqwidth() + theme.px(2)
        self.configure(height=probe.winfo_reqheight())
        probe.destroy()
        self.bind("<Configure>", lambda event: self._arrange())
        self._bind_wheel(self)

    def add(self, entry: Entry) -> None:
        """Put an entry first, or update the one of the same page where it is."""
        if other := self.relabel(entry.page, entry.text):
            other.single = entry.single
            return
        self.entries.insert(0, entry)
        self._buttons.insert(0, self._button(entry))
        if len(self.entries) > self.LIMIT:
            self.entries.pop()
            self._buttons.pop().destroy()
        self._first = 0
        self._arrange()

    def relabel(self, page: Page, text: str) -> Entry | None:
        """Show another text for a page; return its entry, None if it has none."""
        for entry, button in zip(self.entries, self._buttons, strict=True):
            if entry.page is page:
                entry.text = text
                button.configure(text=_short(text))
                return entry
        return None

    def remove(self, entry: Entry) -> None:
        """Take an entry out."""
        place = self.entries.index(entry)
        self.entries.pop(place)
        self._buttons.pop(place).destroy()
        self._arrange()
        if not self.entries:
            self._empty.place(relx=0, rely=0.5, anchor="w")

    def step(self, page: Page, by: int) -> Entry | None:
        """Return the entry `by` places after that of `page`, scrolled into view; None if there is none.

        A page without an entry counts as the one before the first.
        """
        pages = [entry.page for entry in self.entries]
        place = by + (pages.index(page) if page in pages else -1)
        if not 0 <= place < len(pages):
            return None
        self._first = min(self._first, place)
        self._first = max(self._first, place - self._room() + 1)
        self._arrange()
        return self.entries[place]

    def _button(self, entry: Entry) -> ttk.Button:
        colours = self.theme.colours
        image = tk_image(self, thumbnail(entry.page, self._side, rgb(colours.ink), rgb(colours.paper)))
        button = ttk.Button(
            self,
            image=image,
            text=_short(entry.text),
            compound="top",
            style="History.TButton",
            width=5,
            command=lambda: self._on_choose(entry),
        )
        button.image = image  # keeps it alive: Tk does not
        button.lower()  # before older ones for Tab
        self._bind_wheel(button)

        def opened(event: tk.Event) -> str:
            self.on_menu(entry, button.winfo_rootx(), button.winfo_rooty())
            return "break"  # Shift+F10 is no F10

        for number in (2, 3):  # the right button is 3 on X11 and Windows, 2 on macOS
            button.bind(
                f"<ButtonRelease-{number}>", lambda event: self.on_menu(entry, event.x_root, event.y_root)
            )
        for key in ("<Menu>", "<Shift-F10>"):
            button.bind(key, opened)

        def deleted(event: tk.Event) -> str:
            self.remove(entry)
            return "break"  # it would also clear the sheet

        for key in ("<Delete>", "<BackSpace>"):
            button.bind(key, deleted)
        return button

    def _room(self) -> int:
        """Return how many thumbnails fit."""
        return max(1, self.winfo_width() // self._slot)

    def _arrange(self) -> None:
        self._first = max(0, min(self._first, len(self._buttons) - self._room()))
        for place, button in enumerate(self._buttons):
            at = place - self._first
            if 0 <= at < self._room():
                button.place(x=at * self._slot, y=0, width=self._slot - self.theme.px(2), relheight=1)
            else:
                button.place_forget()
        if self._buttons:
            self._empty.place_forget()

    def _bind_wheel(self, widget: tk.Misc) -> None:
        def turned(event: tk.Event) -> None:
            self._first += 1 if event.num == 5 or event.delta < 0 else -1
            self._arrange()

        for event in ("<MouseWheel>", "<Button-4>", "<Button-5>"):  # the last two on X11
            widget.bind(event, turned)


def _short(text: str) -> str:
    return text if len(text) <= 5 else f"{text[:4]}…"
