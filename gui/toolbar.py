"""The toolbar: draw, edit and page, each a group of icons, and the menu of samples and switches."""

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk

from gui.icons import surface, tk_image
from gui.keys import key_for
from gui.sample_digits import KEY_POINTS
from gui.texts import say
from gui.theme import Theme
from gui.widgets import Tooltip

DOT = 24  # points: the largest dot that shows the width of the pen
SLIDER = 60  # points


class Toolbar(ttk.Frame):
    """Shows buttons, which do nothing but raise virtual events on the main window.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        eraser: variable, whether the left button erases.
        brush: variable, the pen's width in units of the page.
        limits: the smallest and the largest of those widths.
        switches: variables of the menu, by the keys of their texts; each with the event that it raises.

    Attributes:
        slider: that sets the pen's width.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        eraser: tk.BooleanVar,
        brush: tk.DoubleVar,
        limits: tuple[float, float],
        switches: dict[str, tuple[tk.BooleanVar, str]],
    ) -> None:
        super().__init__(parent)
        self.theme, self._brush = theme, brush
        for name, value, event in (("pen", False, "<<UsePen>>"), ("eraser", True, "<<UseEraser>>")):
            tool = ttk.Radiobutton(
                self, variable=eraser, value=value, image=theme.icon(name), style="Tool.Toolbutton"
            )
            self._place(tool, name, event)
        self._dot = tk.Label(self, width=theme.px(DOT + 3), height=theme.px(DOT), borderwidth=0)
        self._dot.pack(side="left", padx=(theme.px(3), 0))
        self.slider = ttk.Scale(self, variable=brush, from_=limits[0], to=limits[1], length=theme.px(SLIDER))
        self.slider.pack(side="left")
        keys = f"{key_for('<<Thinner>>')}, {key_for('<<Thicker>>')}"
        Tooltip(self.slider, theme, say("tip", what=say("brush"), key=keys))
        brush.trace_add("write", lambda *_: self._show_brush())
        self._show_brush()
        self._separate()
        self._undo = self._button("undo", "<<Undo>>")
        self._redo = self._button("redo", "<<Redo>>")
        self._button("clear", "<<ClearPage>>")
        self._separate()
        self._button("open", "<<OpenPicture>>")
        self._button("paste", "<<PastePicture>>")
        self._button("save", "<<SaveDrawing>>")
        ttk.Frame(self).pack(side="left", fill="x", expand=True)
        self._more = self._button("more", "<<More>>")
        self._button("keys", "<<Help>>")
        self._menu = self._make_menu(switches)

    def show_buttons(self, can_undo: bool, can_redo: bool) -> None:
        """Enable or disable the buttons for undo and redo."""
        for button, possible in ((self._undo, can_undo), (self._redo, can_redo)):
            button.state(["!disabled" if possible else "disabled"])

    def show_menu(self) -> None:
        """Open the menu under its button."""
        below = self._more.winfo_rooty() + self._more.winfo_height()
        self._menu.tk_popup(self._more.winfo_rootx(), below)

    def _raises(self, event: str) -> Callable[[], None]:
        return partial(self.winfo_toplevel().event_generate, event)

    def _button(self, name: str, event: str) -> ttk.Button:
        button = ttk.Button(
            self, image=self.theme.icon(name), command=self._raises(event), style="Tool.TButton"
        )
        self._place(button, name, event)
        return button

    def _place(self, button: tk.Widget, name: str, event: str) -> None:
        button.pack(side="left")
        Tooltip(button, self.theme, say("tip", what=say(name), key=key_for(event)))

    def _separate(self) -> None:
        line = ttk.Frame(self, width=self.theme.px(0.75), style="Line.TFrame")
        line.pack(side="left", fill="y", padx=self.theme.px(6), pady=self.theme.px(4.5))

    def _show_brush(self) -> None:
        """Show the pen's width as a dot of that size (that of the window as it opened), as far as it fits."""
        side = max(2, min(self.theme.px(DOT), round(self._brush.get())))
        dot = surface((side, side), side / 2, self.theme.colours.ink)
        self._photo = tk_image(self, dot)
        self._dot.configure(image=self._photo)

    def _make_menu(self, switches: dict[str, tuple[tk.BooleanVar, str]]) -> tk.Menu:
        menu = tk.Menu(self, tearoff=False)
        digits = tk.Menu(menu, tearoff=False)
        for number in KEY_POINTS:
            digits.add_command(label=str(number), command=self._raises(f"<<Sample{number}>>"))
        menu.add_cascade(label=say("sample_digit"), menu=digits)
        menu.add_command(label=say("sample_photo"), command=self._raises("<<SamplePhoto>>"))
        menu.add_separator()
        for text, (variable, event) in switches.items():
            menu.add_checkbutton(label=say(text), variable=variable, command=self._raises(event))
        return menu
