"""Widgets and helpers for them: a canvas that redraws itself, tooltips, the list of keys."""

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from gui.keys import KEYS, spelled
from gui.texts import say
from gui.theme import Theme

TOOLTIP_DELAY = 600  # milliseconds


class RedrawnCanvas(tk.Canvas):
    """A canvas that redraws its content when its size changes.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        options: further options of `tkinter.Canvas`.
    """

    def __init__(self, parent: tk.Misc, theme: Theme, **options: object) -> None:
        super().__init__(
            parent, background=theme.colours.window, highlightthickness=0, borderwidth=0, **options
        )
        self.theme = theme
        self.bind("<Configure>", lambda event: self.draw())

    def draw(self) -> None:
        """Replace the content."""
        raise NotImplementedError


class Tooltip:
    """Shows a line of text under a widget while the pointer rests on it.

    Args:
        widget: below which it is shown.
        theme: the window's theme.
        text: what is shown.
        wanted: called before it is shown; if it returns False, it is not.
    """

    def __init__(
        self, widget: tk.Widget, theme: Theme, text: str, wanted: Callable[[], bool] = lambda: True
    ) -> None:
        self.widget, self.theme, self.text, self._wanted = widget, theme, text, wanted
        self._due = ""
        self._shown: tk.Toplevel | None = None
        widget.bind("<Enter>", self._wait, add=True)
        for event in ("<Leave>", "<Button-1>", "<Destroy>"):
            widget.bind(event, self._hide, add=True)

    def _wait(self, event: tk.Event) -> None:
        self._hide(event)
        self._due = self.widget.after(TOOLTIP_DELAY, self._show)

    def _show(self) -> None:
        self._due = ""
        if not self._wanted():
            return
        self._shown = tip = tk.Toplevel(self.widget)
        tip.wm_overrideredirect(True)
        ttk.Label(tip, text=self.text, style="Tooltip.TLabel").pack()
        tip.update_idletasks()
        right = self.widget.winfo_screenwidth() - tip.winfo_reqwidth()
        x = max(0, min(self.widget.winfo_rootx(), right))
        y = self.widget.winfo_rooty() + self.widget.winfo_height() + self.theme.px(3)
        tip.wm_geometry(f"+{x}+{y}")

    def _hide(self, event: tk.Event) -> None:
        if self._due:
            self.widget.after_cancel(self._due)
            self._due = ""
        if self._shown:
            self._shown.destroy()
            self._shown = None


class Panel(tk.Toplevel):
    """A window with an edge, above the main window; hidden until it is laid out.

    Args:
        parent: the main window.
        theme: its theme.
        title: of this window.
    """

    def __init__(self, parent: tk.Tk, theme: Theme, title: str) -> None:
        super().__init__(
            parent,
            background=theme.colours.window,
            highlightthickness=1,
            highlightbackground=theme.colours.line,
            highlightcolor=theme.colours.line,
        )
        self.withdraw()
        self.title(title)
        self.transient(parent)


class KeyList(Panel):
    """A window that lists all keys; Esc, F1, Return and its button close it.

    Args:
        parent: the main window.
        theme: the main window's theme.
    """

    def __init__(self, parent: tk.Tk, theme: Theme) -> None:
        super().__init__(parent, theme, say("keys_title"))
        self.resizable(False, False)
        view = tk.Canvas(self, background=theme.colours.window, highlightthickness=0)
        view.grid(row=0, column=0)
        frame = ttk.Frame(view, padding=(theme.px(12), theme.px(12), theme.px(12), 0))
        rows = [
            ("left_button", "key_draw"),
            ("right_button", "key_erase"),
            ("ctrl_left", "key_frame"),
            ("wheel", "key_zoom"),
            ("space_drag", "key_pan"),
            ("zero_to_nine", "key_correct"),
            ("tab_space", "key_focus"),
        ]
        rows = [(say(names), say(text)) for names, text in rows]
        rows += [(spelled(key.names[0]), say(key.description)) for key in KEYS]
        half = -(-len(rows) // 2)  # in two columns, which fit on a low screen
        widths = [theme.small_bold.measure(names) for names, _ in rows]
        beside = max(widths[:half]) + max(widths[half:]) + theme.px(84)  # names, gaps and the scroll bar
        room = min(theme.px(210), (parent.winfo_screenwidth() - beside) // 2)
        for place, (names, description) in enumerate(rows):
            row, column = place % half, 2 * (place // half)
            ttk.Label(frame, text=names, font=theme.small_bold).grid(
                row=row, column=column, sticky="w", padx=(theme.px(18) if column else 0, 0)
            )
            ttk.Label(frame, text=description, font=theme.small, style="Muted.TLabel", wraplength=room).grid(
                row=row, column=column + 1, sticky="w", padx=(theme.px(9), 0), pady=theme.px(0.75)
            )
        close = ttk.Button(self, text=say("close"), command=self.destroy)
        close.grid(row=1, column=0, columnspan=2, sticky="e", padx=theme.px(12), pady=theme.px(6))
        for key in ("<Escape>", "<F1>", "<Return>"):
            self.bind(key, lambda event: self.destroy())
        view.create_window(0, 0, window=frame, anchor="nw")
        self.update_idletasks()
        width, height = frame.winfo_reqwidth(), frame.winfo_reqheight()
        shown = min(height, parent.winfo_screenheight() - close.winfo_reqheight() - theme.px(30))
        view.configure(width=width, height=shown, scrollregion=(0, 0, width, height))
        if shown < height:
            bar = ttk.Scrollbar(self, command=view.yview)
            bar.grid(row=0, column=1, sticky="ns")
            view.configure(yscrollcommand=bar.set)
            for key, lines in (("<Up>", -1), ("<Down>", 1), ("<Button-4>", -1), ("<Button-5>", 1)):
                self.bind(key, lambda event, lines=lines: view.yview_scroll(lines, "units"))
            self.bind("<MouseWheel>", lambda event: view.yview_scroll(-1 if event.delta > 0 else 1, "units"))
        self.update_idletasks()
        x = parent.winfo_rootx() + (parent.winfo_width() - self.winfo_reqwidth()) // 2
        y = parent.winfo_rooty() + (parent.winfo_height() - self.winfo_reqheight()) // 3
        self.geometry(f"+{max(0, x)}+{max(0, y)}")
        self.deiconify()
        close.focus_force()
