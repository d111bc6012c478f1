"""Draw the block diagram of a network from its trace: one column for each stage.

Lengths are in layout units, x to the right and y downwards. The diagram of ImprovedResNet18 is about 890
units wide; a README shows it at about 830 pixels, so that text of size 11 is 10 pixels high.
"""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle
from torch import nn

from visualization.architecture import (
    INPUT,
    TIMES,
    Section,
    Step,
    layer_label,
    layers,
    sections,
    stages,
    unpacked,
)

UNITS_PER_INCH = 86
WIDTH, LOW, HIGH = 106, 17, 23  # width of a layer; height of one without and one with multiplications
NARROW, LANE = 58, 11  # width of a layer in a shortcut, and its distance from the path it bypasses
ARROW, JOIN = 18, 8  # length of an arrow, radius of the circle where paths join
GUTTER, MARGIN, PAD = 23, 16, 7  # between columns, around the diagram, inside the frame of a block
MIN_WIDTH = 740  # that title and legend need

TEXT, MUTED, BACKGROUND, BORDER, FRAME = "#1f2328", "#59636e", "#ffffff", "#d0d7de", "#f6f8fa"
SHORTCUT = "#bc4c00"
STAGES = ("#0b7285", "#1864ab", "#5f3dc4", "#a61e4d", "#7c4a03")  # one after another, repeated
LAYERS = {  # fill and outline
    nn.Conv2d: ("#d0ebff", "#4dabf7"),
    nn.ReLU: ("#d3f9d8", "#8ce99a"),
    nn.Linear: ("#e5dbff", "#9775fa"),
}
OTHER = ("#ffffff", "#ced4da")
SMALLER = ("#ffe8cc", "#fd7e14")  # layers whose output has fewer rows than their input
SYMBOLS = {"Add": "+", "Mul": TIMES, "Sub": "-"}  # by autograd's name
LEGEND = (
    "orange: smaller maps, by stride 2 (/2) or pooling   ·   brown: shortcut   ·   "
    "MACs: of convolutions and linear layers, per image"
)
WORDS = {"Sub": "subtract", "Div": "divide by", "Mul": "multiply by", "Add": "add"}


def draw_architecture(network: Step) -> Figure:
    """Draw the stages of a network as columns from left to right, with their parameters and MACs."""
    columns = stages(network)
    diagram = _Diagram()
    top = diagram.title(network)
    x, lowest, shape, source = MARGIN, 0.0, INPUT, None
    for place, column in enumerate(columns):
        centre = x + PAD + WIDTH / 2
        x = centre + _reach(column) + PAD  # the right side
        y = diagram.header(column, centre, top, STAGES[place % len(STAGES)])
        y = diagram.tensor(shape, centre, y, source)
        y = diagram.path(column, centre, y, shape, first=_times(shape))
        shape = column[-1].shape
        source = (centre, y, x + GUTTER / 2)
        x, lowest = x + GUTTER, max(lowest, y)
    diagram.arrow(centre, y)
    diagram.text(centre, y + ARROW + 10, f"output {_times(shape)}", weight="bold")
    return diagram.finish(columns, x - GUTTER + MARGIN, lowest + 40)


def _reach(steps: Sequence[Step]) -> float:
    """Return how far steps with their shortcuts extend to the right of their centre line."""
    reaches = [WIDTH / 2]
    for section in sections(steps):
        main, *others = section.paths
        reaches.append(_reach_of_path(main) + sum(LANE + NARROW * bool(layers(path)) for path in others))
    return max(reaches)


def _reach_of_path(path: Sequence[Step]) -> float:
    """Return how far a single path extends to the right of its centre line."""
    blocks = [step for step in unpacked(path) if step.steps]
    return max([WIDTH / 2, *(_reach(step.steps) + PAD for step in blocks)])


def _names(column: Sequence[Step]) -> list[str]:
    """Return the names of the modules of a column, abbreviated if there are many."""
    names = [step.name for step in column if step.name] or ["input"]
    return names if len(names) < 4 else [names[0], "…", names[-1]]


def _times(shape: Sequence[int]) -> str:
    """Format a shape as in "32x14x14"."""
    return TIMES.join(map(str, shape))


class _Diagram:
    """Draws the parts of the diagram; most methods return the y where the part ends."""

    def __init__(self) -> None:
        self.figure = Figure()
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.axis("off")
        self.constants: dict[str, float] = {}

    def title(self, network: Step) -> float:
        """Draw the name of the network and its total counts."""
        buffers = dict(network.module.named_buffers(recurse=False))
        if buffers.keys() >= {"mean", "std"}:
            self.constants = {"Sub": float(buffers["mean"]), "Div": float(buffers["std"])}
        counts = f"{network.parameters:,} parameters  ·  {network.macs:,} multiply-accumulates (MACs)"
        self.text(MARGIN, MARGIN + 10, type(network.module).__name__, size=18, weight="bold", ha="left")
        self.text(MARGIN, MARGIN + 34, counts, size=13, color=MUTED, ha="left")
        return MARGIN + 68

    def header(self, column: Sequence[Step], x: float, y: float, color: str) -> float:
        """Draw the names and counts of a column, centred on x."""
        self.text(x, y, " · ".join(_names(column)), size=13, weight="bold", color=color)
        self.text(x, y + 17, f"{sum(step.parameters for step in column):,} parameters", color=MUTED)
        self.text(x, y + 31, f"{sum(step.macs for step in column):,} MACs", color=MUTED)
        return y + 44

    def tensor(
        self, shape: tuple[int, ...], x: float, y: float, source: tuple[float, float, float] | None
    ) -> float:
        """Draw the input of a column as a stack of squares, to scale.

        `source` has x and y where the previous column ends, and x of the line from there.
        """
        squares, apart = 1 + round(math.log2(shape[0])), 2
        side = shape[-1] if len(shape) > 1 else 3
        middle, half = y + 18, side / 2 + (squares - 1) * apart / 2
        for square in range(squares):
            offset = ((squares - 1) / 2 - square) * apart
            corner = (x - side / 2 + offset, middle - side / 2 - offset)
            self.axes.add_patch(Rectangle(corner, side, side, fc="#e7f5ff", ec=TEXT, lw=0.6))
        if source is None:
            self.text(x - half - 5, middle, "input", weight="bold", ha="right")
        else:
            start, bottom, gutter = source
            down = bottom + ARROW / 2
            self.line(
                (start, start, gutter, gutter, x - half - 3), (bottom, down, down, middle, middle), "->"
            )
        self.line((x, x), (middle + half + 1, y + 38))
        return y + 36

    def path(self, steps: Sequence[Step], x: float, y: float, shape: tuple[int, ...], first: str) -> float:
        """Draw steps one below the other, with shortcuts beside them.

        The input has shape `shape`; `first` labels the arrow to the first step.
        """
        label, found = first, sections(steps)
        for section in found:
            start, taken = y, shape
            for step in unpacked(section.paths[0]):
                follows = y > start or section is not found[0]
                if follows and not step.macs and not step.steps and step.shape == shape:
                    y += 3  # layers such as batch norm stand directly below the layer before
                else:
                    y = self.arrow(x, y, label)
                y = self.block(step, x, y, shape) if step.steps else self.layer(step, x, y, shape)
                shape, label = step.shape, _times(step.shape)
            if section.join:
                y = self.join(section, x, start, y, taken)
                shape, label = section.join.shape, _times(section.join.shape)
        return y

    def block(self, step: Step, x: float, y: float, shape: tuple[int, ...]) -> float:
        """Draw a frame with the steps of a module; larger frames lie behind smaller ones."""
        left, right = x - WIDTH / 2 - PAD, x + _reach(step.steps) + PAD
        self.text(left + PAD, y + 10, type(step.module).__name__, size=10.5, color=MUTED, ha="left")
        bottom = self.path(step.steps, x, y + 18, shape, first="") + PAD
        self.box(left, y, right - left, bottom - y, (FRAME, BORDER), corner=5, zorder=y - bottom)
        return bottom

    def layer(self, step: Step, x: float, y: float, shape: tuple[int, ...], width: float = WIDTH) -> float:
        """Draw a layer as a box, orange if its output has fewer rows than its input, of shape `shape`."""
        label = self.label(step)
        high = HIGH if step.macs or step.shape != shape else LOW
        if width == NARROW:
            label = label.replace(", ", "\n", 1) if "," in label else label.replace(" ", "\n", 1)
            high += 12 * label.count("\n")
        smaller = len(shape) > 1 and step.shape[-1] < shape[-1]
        colors = SMALLER if smaller else LAYERS.get(type(step.module), OTHER)
        self.box(x - width / 2, y, width, high, colors, corner=3, zorder=2)
        self.text(x, y + high / 2, label, size=min(10.5, 190 / len(label)) if width == WIDTH else 10.5)
        return y + high

    def label(self, step: Step) -> str:
        """Return the text of a layer or an operation."""
        if step.module:
            return layer_label(step.module)
        constant = self.constants.get(step.operation)
        word = WORDS.get(step.operation, step.operation.lower())
        return word if constant is None else f"{word} {constant:.4f}"

    def join(self, section: Section, x: float, start: float, y: float, shape: tuple[int, ...]) -> float:
        """Draw the operation that joins the paths of a section, and all paths but the first.

        The first path is drawn already, from `start` to `y`. The paths' input has shape `shape`.
        """
        middle = y + ARROW - 5 + JOIN
        self.line((x, x), (y, middle - JOIN), "->")
        main, *others = section.paths
        right = x + _reach_of_path(main)
        for path in map(layers, others):
            lane = right + LANE + NARROW / 2 * bool(path)
            right = lane + NARROW / 2 * bool(path)
            corners = (x, lane, lane, x + JOIN), (start + 5, start + 5, middle, middle)
            self.line(*corners, "->", color=SHORTCUT, width=1.6)
            self.axes.plot(x, start + 5, "o", color=SHORTCUT, markersize=3.5)
            top = (start + 5 + middle) / 2 - 26 * len(path)
            taken = shape
            for step in path:
                top = self.layer(step, lane, top, taken, NARROW) + 3
                taken = step.shape
        self.axes.add_patch(Circle((x, middle), JOIN, fc=BACKGROUND, ec=SHORTCUT, lw=1.3))
        operation = section.join.operation
        symbol = SYMBOLS.get(operation, operation.lower()[:3])
        self.text(x, middle, symbol, size=14 if len(symbol) == 1 else 8, color=SHORTCUT)
        return middle + JOIN

    def bars(self, columns: Sequence[Sequence[Step]], width: float, y: float) -> float:
        """Draw each stage's share of the parameters and of the MACs."""
        left = MARGIN + 82
        for name in ("parameters", "macs"):
            counts = [sum(getattr(step, name) for step in column) for column in columns]
            self.text(MARGIN, y + 9, "MACs" if name == "macs" else name, size=11.5, weight="bold", ha="left")
            x = left
            for place, (column, count) in enumerate(zip(columns, counts, strict=True)):
                share = count / sum(counts)
                wide = share * (width - MARGIN - left)
                color = STAGES[place % len(STAGES)]
                self.axes.add_patch(Rectangle((x, y), wide, 18, fc=color, ec=BACKGROUND, lw=0.8))
                for label in (f"{_names(column)[0]}  {share:.0%}", f"{share:.0%}"):
                    if wide > 7 * len(label):
                        self.text(x + wide / 2, y + 9, label, color="white")
                        break
                x += wide
            y += 24
        return y

    def finish(self, columns: Sequence[Sequence[Step]], width: float, y: float) -> Figure:
        """Add bars and legend below y, and an opaque background for light and dark pages."""
        width = max(width, MIN_WIDTH)
        y = self.bars(columns, width, y)
        self.text(MARGIN, y + 10, LEGEND, color=MUTED, ha="left")
        height = y + 10 + MARGIN
        self.box(1, 1, width - 2, height - 2, (BACKGROUND, BORDER), corner=12, zorder=-height)
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.figure.set_size_inches(width / UNITS_PER_INCH, height / UNITS_PER_INCH)
        self.figure.patch.set_alpha(0)
        return self.figure

    def text(self, x: float, y: float, text: str, size: float = 11, **style: object) -> None:
        """Draw text, by default centred on (x, y)."""
        style = {"ha": "center", "va": "center", "color": TEXT, **style}
        self.axes.text(x, y, text, fontsize=size * 72 / UNITS_PER_INCH, linespacing=1.1, **style)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colors: tuple[str, str],
        corner: float,
        zorder: float,
    ) -> None:
        """Draw a box with rounded corners, its top left corner at (x, y)."""
        style = f"round,pad=0,rounding_size={corner}"
        fill, outline = colors
        self.axes.add_patch(
            FancyBboxPatch((x, y), width, height, style, fc=fill, ec=outline, lw=1, zorder=zorder)
        )

    def arrow(self, x: float, y: float, label: str = "") -> float:
        """Draw an arrow downwards from (x, y)."""
        self.line((x, x), (y, y + ARROW), "->")
        self.text(x + 5, y + ARROW / 2 - 1, label, size=10, color=MUTED, ha="left")
        return y + ARROW

    def line(
        self,
        x: Sequence[float],
        y: Sequence[float],
        style: str = "-",
        color: str = MUTED,
        width: float = 1.2,
    ) -> None:
        """Draw a polyline; style "->" ends it with an arrowhead."""
        self.axes.plot(x, y, color=color, lw=width, solid_joinstyle="round", zorder=1)
        if style == "->":
            head = {"arrowstyle": "-|>,head_length=0.4,head_width=0.2", "color": color, "lw": width}
            head |= {"shrinkA": 0, "shrinkB": 0}
            self.axes.annotate("", (x[-1], y[-1]), (x[-2], y[-2]), arrowprops=head)
