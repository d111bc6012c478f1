"""What lies beside the sheet: the reading, the ten bars, the glyph; tips, and the list of keys."""

import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk

from PIL import Image

from answers import percent
from keys import KEYS, spelled
from theme import Theme


def photo(parent: tk.Misc, image: Image.Image) -> tk.PhotoImage:
    """A picture (mode RGB) for a widget."""
    return tk.PhotoImage(master=parent, data=b"P6 %d %d 255\n" % image.size + image.tobytes(), format="ppm")


class Pane(tk.Canvas):
    """A canvas that draws itself anew when its size changes or `draw` is called."""

    def __init__(self, parent: tk.Misc, theme: Theme, **options: object) -> None:
        super().__init__(
            parent, background=theme.colours.window, highlightthickness=0, borderwidth=0, **options
        )
        self.theme = theme
        self.bind("<Configure>", lambda event: self.draw())

    def draw(self) -> None:
        raise NotImplementedError


class Headline(Pane):
    """The reading, large, and how sure it is."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, theme, height=theme.big.metrics("linespace"), width=1)
        self._text = self._note = ""
        self._largest = abs(theme.big.cget("size"))

    def show(self, text: str, note: str) -> None:
        self._text, self._note = text, note
        self.draw()

    def draw(self) -> None:
        self.delete("all")
        theme, font = self.theme, self.theme.big
        width, height = self.winfo_width(), self.winfo_height()
        beside = theme.bold.measure(self._note) + theme.px(8)
        size = self._largest
        font.configure(size=size)
        while size > abs(theme.bold.cget("size")) and font.measure(self._text) > width - beside:
            size -= 1
            font.configure(size=size)
        self.create_text(0, height / 2, text=self._text, font=font, fill=theme.colours.text, anchor="w")
        self.create_text(
            width, height / 2, text=self._note, font=theme.bold, fill=theme.colours.muted, anchor="e"
        )


class Bars(Pane):
    """A bar for the probability of each of the ten digits."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, theme, width=1, height=10 * theme.px(11))
        self._probabilities: Sequence[float] = ()

    def show(self, probabilities: Sequence[float]) -> None:
        """Of the ten digits; none for no bars."""
        self._probabilities = probabilities
        self.draw()

    def draw(self) -> None:
        self.delete("all")
        theme, colours = self.theme, self.theme.colours
        left = theme.small.measure("0") + theme.px(6)
        right = self.winfo_width() - theme.small.measure("100 %") - theme.px(5)
        row = self.winfo_height() / 10
        thick = min(row * 0.62, theme.px(12))
        best = max(self._probabilities, default=0)
        for digit in range(10):
            middle = (digit + 0.5) * row
            top, bottom = round(middle - thick / 2), round(middle + thick / 2)
            probability = self._probabilities[digit] if self._probabilities else 0
            leads = bool(self._probabilities) and probability == best
            strong = colours.text if leads else colours.muted
            self.create_text(0, middle, text=str(digit), font=theme.small, fill=strong, anchor="w")
            self.create_rectangle(left, top, right, bottom, fill=colours.track, width=0)
            end = left + (right - left) * probability
            if end - left >= 1:
                fill = colours.accent if leads else colours.soft
                self.create_rectangle(left, top, end, bottom, fill=fill, width=0)
            if self._probabilities and probability >= 0.01:
                self.create_text(
                    self.winfo_width(),
                    middle,
                    text=percent(probability),
                    font=theme.small,
                    fill=strong,
                    anchor="e",
                )


class GlyphView(Pane):
    """The 28x28 glyph that the network saw, enlarged pixel by pixel, with the heat of "Why" over it."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        self._zoom = theme.px(3)
        side = 28 * self._zoom + 2
        super().__init__(parent, theme, width=side, height=side)
        self._glyph: bytes | None = None
        self._heat: bytes | None = None
        self._photo: tk.PhotoImage | None = None

    def show(self, glyph: bytes | None, heat: bytes | None = None) -> None:
        """28x28 bytes each, 255 for full ink and for most heat."""
        self._glyph, self._heat = glyph, heat
        self.draw()

    def draw(self) -> None:
        self.delete("all")
        side = 28 * self._zoom + 1
        self.create_rectangle(
            0, 0, side, side, outline=self.theme.colours.line, fill=self.theme.colours.track
        )
        if self._glyph is None:
            return
        ink = Image.frombytes("L", (28, 28), self._glyph)
        image = Image.merge("RGB", (ink, ink, ink))
        if self._heat is not None:
            heat = Image.frombytes("L", (28, 28), self._heat)
            image.paste((255, 96, 16), mask=heat.point(lambda value: value * 0.72))
        self._photo = photo(self, image).zoom(self._zoom)
        self.create_image(1, 1, image=self._photo, anchor="nw")


# tips and the list of keys


class Tip:
    """A line that explains a widget while the pointer rests on it."""

    def __init__(self, widget: tk.Widget, theme: Theme, text: str) -> None:
        self.widget, self.theme, self.text = widget, theme, text
        self._due = ""
        self._shown: tk.Toplevel | None = None
        widget.bind("<Enter>", self._wait, add=True)
        for event in ("<Leave>", "<ButtonPress>", "<Destroy>"):
            widget.bind(event, self._hide, add=True)

    def _wait(self, event: tk.Event) -> None:
        self._hide(event)
        self._due = self.widget.after(600, self._show)

    def _show(self) -> None:
        self._due = ""
        self._shown = tip = tk.Toplevel(self.widget)
        tip.wm_overrideredirect(True)
        ttk.Label(tip, text=self.text, style="Tip.TLabel").pack()
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


class Help(tk.Toplevel):
    """All keys, in a window that Esc, F1 and its button close."""

    def __init__(self, parent: tk.Tk, theme: Theme) -> None:
        super().__init__(
            parent,
            background=theme.colours.window,
            highlightthickness=1,
            highlightbackground=theme.colours.line,
            highlightcolor=theme.colours.line,
        )
        self.withdraw()
        self.title("Keys - Handwritten digits")
        self.transient(parent)
        self.resizable(False, False)
        frame = ttk.Frame(self, padding=theme.px(14))
        frame.pack()
        rows = [
            ("Left button", "Draw; a click makes a dot, or chooses a digit of a number by its box"),
            ("Right button, or Shift and left", "Erase"),
            *((" or ".join(map(spelled, key.names)), key.what) for key in KEYS),
            ("0 to 9", "Correct the reading: from then on it counts"),
            ("Tab, Space", "Go to a button, press it"),
        ]
        for row, (names, what) in enumerate(rows):
            ttk.Label(frame, text=names, style="Bold.TLabel").grid(row=row, column=0, sticky="w")
            ttk.Label(frame, text=what).grid(
                row=row, column=1, sticky="w", padx=(theme.px(16), 0), pady=theme.px(1.5)
            )
        close = ttk.Button(frame, text="Close", command=self.destroy)
        close.grid(row=len(rows), column=1, sticky="e", pady=(theme.px(10), 0))
        for key in ("<Escape>", "<F1>", "<Return>"):
            self.bind(key, lambda event: self.destroy())
        self.update_idletasks()
        x = parent.winfo_rootx() + (parent.winfo_width() - self.winfo_reqwidth()) // 2
        y = parent.winfo_rooty() + (parent.winfo_height() - self.winfo_reqheight()) // 3
        self.geometry(f"+{max(0, x)}+{max(0, y)}")
        self.deiconify()
        close.focus_force()
