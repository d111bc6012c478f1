"""The window that lists the corrected samples: thumbnails by label, each of which can be deleted."""

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from PIL import Image

from common.geometry import holds
from gui.icons import tk_image
from gui.keys import key_for
from gui.protocol import Sample, SampleList
from gui.reading_panel import PANEL_WIDTH
from gui.texts import say
from gui.theme import Theme, rgb
from gui.widgets import Panel

SIDE, GAP, LABEL_WIDTH = 28, 5, 46  # points: a thumbnail, between two of them, and left of a row
WIDTH, HEIGHT = 300, 240  # points of the part that scrolls
CONFIRM_TIME = 4_000  # milliseconds within which a second click deletes all


class MemoryWindow(Panel):
    """Lists samples. Esc, R and its button close it.

    Args:
        parent: the main window.
        theme: the main window's theme.
        use_samples: variable, whether the samples count.
        forget: called with the name of a sample that is to be deleted.
        forget_all: called when all samples are.
    """

    def __init__(
        self,
        parent: tk.Tk,
        theme: Theme,
        use_samples: tk.BooleanVar,
        forget: Callable[[str], None],
        forget_all: Callable[[], None],
    ) -> None:
        super().__init__(parent, theme, say("learned_title"))
        self.theme, self._forget, self._forget_all = theme, forget, forget_all
        self._samples: list[Sample] = []  # by label, in the order of the thumbnails
        self._places: list[tuple[int, int]] = []  # upper left corners of the thumbnails
        self._chosen: int | None = None
        self._text = say("loading_samples")  # shown while there are no samples
        self._photos: list[tk.PhotoImage] = []  # keeps them alive: Tk does not
        self._confirm_due = ""
        self._side, self._step = theme.px(SIDE), theme.px(SIDE) + theme.px(GAP)
        frame = ttk.Frame(self, padding=theme.px(12))
        frame.pack(fill="both", expand=True)
        self._title = ttk.Label(frame, text=" ")
        self._title.pack(anchor="w", pady=(0, theme.px(6)))
        switch = ttk.Checkbutton(
            frame,
            text=say("use_samples"),
            variable=use_samples,
            command=lambda: parent.event_generate("<<MemoryChanged>>"),
            style="Switch.TCheckbutton",
        )
        switch.pack(anchor="w", pady=(0, theme.px(6)))
        foot = ttk.Frame(frame)
        foot.pack(side="bottom", fill="x", pady=(theme.px(6), 0))
        self._forget_all_button = ttk.Button(foot, text=say("forget_all"), command=self._confirm_forget_all)
        self._forget_all_button.state(["disabled"])
        self._forget_all_button.pack(side="left")
        close = ttk.Button(foot, text=say("close"), command=self.destroy)
        close.pack(side="right")
        hint = say("forget_hint", key=key_for("<<Undo>>"))
        ttk.Label(frame, text=hint, style="Muted.TLabel").pack(
            side="bottom", anchor="w", pady=(theme.px(6), 0)
        )
        self.canvas = self._make_canvas(frame)
        self._bind_events()
        self._place_over(parent)
        self.deiconify()
        self.canvas.focus_force()

    def _make_canvas(self, frame: ttk.Frame) -> tk.Canvas:
        """Return the canvas of the thumbnails, with its scrollbar in place."""
        theme = self.theme
        bar = ttk.Scrollbar(frame, orient="vertical")
        bar.pack(side="right", fill="y")
        canvas = tk.Canvas(
            frame,
            width=theme.px(WIDTH),
            height=min(theme.px(HEIGHT), self.winfo_screenheight() // 2),
            background=theme.colours.window,
            highlightthickness=1,
            highlightbackground=theme.colours.line,
            highlightcolor=theme.colours.accent,
            takefocus=True,
            yscrollcommand=bar.set,
            yscrollincrement=self._step // 2,
        )
        bar.configure(command=canvas.yview)
        canvas.pack(fill="both", expand=True)
        return canvas

    def _place_over(self, parent: tk.Tk) -> None:
        """Place the window over the sheet, so that the reading, which the samples change, stays in view."""
        self.update_idletasks()
        self.minsize(self.winfo_reqwidth(), self.winfo_reqheight() - self.theme.px(HEIGHT) // 2)
        beside = parent.winfo_width() - self.theme.px(PANEL_WIDTH)
        x = parent.winfo_rootx() + (beside - self.winfo_reqwidth()) // 2
        y = parent.winfo_rooty() + (parent.winfo_height() - self.winfo_reqheight()) // 3
        self.geometry(f"+{max(0, x)}+{max(0, y)}")

    def _bind_events(self) -> None:
        for key in ("<Escape>", "<r>", "<R>"):
            self.bind(key, lambda event: self.destroy())
        for event in ("<<Undo>>", "<<Redo>>"):  # Tk raises them for their keys
            self.bind(event, lambda _, event=event: self.master.event_generate(event))
        canvas = self.canvas
        canvas.bind("<Configure>", lambda event: self._draw())
        canvas.bind("<Motion>", lambda event: self._choose(self._at(event)))
        canvas.bind("<Button-1>", self._click)
        for key in ("<Delete>", "<BackSpace>", "<KP_Delete>"):
            canvas.bind(key, lambda event: self._forget_chosen())
        for key, right, down in (("Left", -1, 0), ("Right", 1, 0), ("Up", 0, -1), ("Down", 0, 1)):
            canvas.bind(f"<{key}>", lambda event, right=right, down=down: self._move(right, down))
        for event in ("<MouseWheel>", "<Button-4>", "<Button-5>"):  # the last two on X11
            canvas.bind(event, self._scroll)

    def destroy(self) -> None:
        """Close the window and release its images now: later, another thread might collect them."""
        self._photos.clear()
        super().destroy()

    def show(self, samples: SampleList) -> None:
        """Show samples by label, those of a label in their order."""
        if len(samples.samples) < len(self._samples):
            self._chosen = None  # or a second click would delete the sample that takes the place
        self._samples = sorted(samples.samples, key=lambda sample: sample.label)
        count, self._text = len(self._samples), say("no_samples")
        counted = "samples_one" if count == 1 else "samples"
        self._title.configure(text=say(counted, count=count, folder=samples.folder))
        self._forget_all_button.state(["!disabled" if count else "disabled"])
        self._draw()

    def _draw(self) -> None:
        canvas, theme = self.canvas, self.theme
        canvas.delete("all")
        self._photos, self._places = [], []
        gap, left = theme.px(GAP), theme.px(LABEL_WIDTH)
        width = canvas.winfo_width()
        columns = max(1, (width - left - gap) // self._step)
        top = 2 * gap
        if not self._samples:
            canvas.create_text(
                width / 2,
                canvas.winfo_height() / 2,
                text=self._text,
                fill=theme.colours.muted,
                justify="center",
            )
        for label in range(10):
            samples = [sample for sample in self._samples if sample.label == label]
            if not samples:
                continue
            canvas.create_text(
                2 * gap, top, text=str(label), font=theme.bold, fill=theme.colours.text, anchor="nw"
            )
            canvas.create_text(
                2 * gap,
                top + theme.bold.metrics("linespace"),
                text=f"{len(samples):,}",
                font=theme.small,
                fill=theme.colours.muted,
                anchor="nw",
            )
            self._photos.append(tk_image(canvas, self._thumbnails(samples, columns)))
            canvas.create_image(left, top, image=self._photos[-1], anchor="nw")
            self._places += [
                (left + place % columns * self._step, top + place // columns * self._step)
                for place in range(len(samples))
            ]
            top += -(-len(samples) // columns) * self._step + gap
        canvas.configure(
            scrollregion=(0, 0, width, max(top, canvas.winfo_height() - 2))
        )  # without the outline
        self._show_chosen()

    def _thumbnails(self, samples: list[Sample], columns: int) -> Image.Image:
        """Return one image of all thumbnails of a label: thousands of images would be slow."""
        colours, side, step = self.theme.colours, self._side, self._step
        rows = -(-len(samples) // columns)
        size = min(len(samples), columns) * step, rows * step
        image = Image.new("RGB", size, rgb(colours.window))
        for place, sample in enumerate(samples):
            at = place % columns * step, place // columns * step
            ink = Image.frombytes("L", (28, 28), sample.glyph).resize((side, side), Image.Resampling.BILINEAR)
            image.paste(rgb(colours.paper), (*at, at[0] + side, at[1] + side))
            image.paste(rgb(colours.ink), at, ink)
        return image

    # choosing and deleting

    def _at(self, event: tk.Event) -> int | None:
        """Return the index of the sample under the pointer, or None."""
        point = self.canvas.canvasx(event.x), self.canvas.canvasy(event.y)
        reach = self._step
        for place, (x, y) in enumerate(self._places):
            if holds((x, y - self.theme.px(GAP), x + reach, y + self._side), point):
                return place
        return None

    def _choose(self, place: int | None) -> None:
        if place is not None and place != self._chosen:
            self._chosen = place
            self._show_chosen()

    def _show_chosen(self) -> None:
        """Draw a frame around the chosen sample, and the cross that deletes it."""
        self.canvas.delete("chosen")
        if self._chosen is None or self._chosen >= len(self._places):
            return
        colours, (x, y), side = self.theme.colours, self._places[self._chosen], self._side
        radius = self.theme.px(5.5)
        self.canvas.create_rectangle(x - 1, y - 1, x + side, y + side, outline=colours.accent, tags="chosen")
        right, top = x + side - radius // 2, y + radius // 2
        badge = right - radius, top - radius, right + radius, top + radius
        self.canvas.create_oval(*badge, fill=colours.accent, width=0, tags=("chosen", "badge"))
        reach = radius * 0.42
        for way in (-1, 1):
            line = right - reach, top - way * reach, right + reach, top + way * reach
            self.canvas.create_line(*line, fill=colours.on_accent, width=self.theme.px(1), tags="chosen")

    def _click(self, event: tk.Event) -> None:
        self.canvas.focus_set()
        point = self.canvas.canvasx(event.x), self.canvas.canvasy(event.y)
        badge = self.canvas.bbox("badge")
        if badge and holds(badge, point):
            self._forget_chosen()
        else:
            self._choose(self._at(event))

    def _forget_chosen(self) -> None:
        if self._chosen is not None and self._chosen < len(self._samples):
            self._forget(self._samples[self._chosen].name)

    def _move(self, right: int, down: int) -> None:
        """Choose the next sample in a direction: +1 or -1 to the right or down, else 0."""
        if not self._places:
            return
        if self._chosen is None or self._chosen >= len(self._places):
            self._choose(0)
        elif right:
            self._choose(min(len(self._places) - 1, max(0, self._chosen + right)))
        else:
            x, y = self._places[self._chosen]
            candidates = [
                (abs(other_y - y), abs(other_x - x), place)
                for place, (other_x, other_y) in enumerate(self._places)
                if (other_y - y) * down > 0
            ]
            self._choose(min(candidates)[2] if candidates else None)
        self._make_visible()

    def _make_visible(self) -> None:
        top, bottom = self.canvas.canvasy(0), self.canvas.canvasy(self.canvas.winfo_height())
        y = self._places[self._chosen][1]
        while y - self.theme.px(GAP) < top or y + self._side > bottom:
            before = top
            self.canvas.yview_scroll(-1 if y < top + self.theme.px(GAP) else 1, "units")
            top, bottom = self.canvas.canvasy(0), self.canvas.canvasy(self.canvas.winfo_height())
            if top == before:
                break

    def _scroll(self, event: tk.Event) -> None:
        if self.canvas.yview() != (0.0, 1.0):
            self.canvas.yview_scroll(2 if event.num == 5 or event.delta < 0 else -2, "units")

    def _confirm_forget_all(self) -> None:
        """Delete all samples at the second press within `CONFIRM_TIME`."""
        if self._confirm_due:
            self._reset_button()
            self._forget_all()
        else:
            self._forget_all_button.configure(text=say("really_all", count=len(self._samples)))
            self._confirm_due = self.after(CONFIRM_TIME, self._reset_button)

    def _reset_button(self) -> None:
        self.after_cancel(self._confirm_due)
        self._confirm_due = ""
        self._forget_all_button.configure(text=say("forget_all"))
