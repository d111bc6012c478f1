"""Trace what a network consists of: a tree of calls with output shapes, parameters and MACs.

Hooks on every module record the calls; autograd's graph shows operations between modules, such as the sum at
the end of a residual block. Nothing here depends on the layers of `model.py`.
"""

import copy
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from common.messages import UserError

INPUT = (1, 28, 28)
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass
class Step:
    """A call of a module, or an operation between modules, with the steps inside it.

    Attributes:
        name: of the module, such as "layer2.0.conv1"; "" for the whole network and for operations.
        module: None for an operation.
        operation: autograd's name of the operation, such as "Add"; "" for a module.
        shape: of the output, without the batch dimension.
        parameters: number of parameters, including the steps inside; shared ones count where used first.
        macs: multiply-accumulates for one image, including the steps inside. As usual, only convolutions and
            linear layers count, without their bias.
        starts_branch: whether its input is the input of the enclosing step rather than the output of the
            step before it, as in a shortcut.
        joins: whether the operation has several inputs, such as a sum of two branches.
        steps: inside it, in the order of the calls.
    """

    name: str = ""
    module: nn.Module | None = None
    operation: str = ""
    shape: tuple[int, ...] = ()
    parameters: int = 0
    macs: int = 0
    starts_branch: bool = False
    joins: bool = False
    steps: list["Step"] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "Step"]]:
        """Yield the step itself and all steps inside it in the order of the calls, each with its depth."""
        yield depth, self
        for step in self.steps:
            yield from step.walk(depth + 1)


def trace(model: nn.Module) -> Step:
    """Run a copy of a network on one blank image in evaluation mode.

    Args:
        model: takes ink of shape (1, 1, 28, 28). It and all modules in it return a single tensor.

    Returns:
        The call of the whole network.
    """
    model = copy.deepcopy(model).cpu().eval()
    tracer = _Tracer(model)
    for module in model.modules():
        module.register_forward_pre_hook(tracer.enter)
        module.register_forward_hook(tracer.leave)
    with torch.inference_mode(False), torch.enable_grad():
        model(torch.zeros(1, *INPUT, requires_grad=True))
    return tracer.root


class _Tracer:
    """Hooks that build the tree of steps. All tensors are kept, as they are identified by `id`."""

    def __init__(self, model: nn.Module) -> None:
        self.root = Step()  # replaced by the call of the network
        self.names = {module: name for name, module in model.named_modules()}
        self.open = [self.root]
        self.latest: list[Tensor | None] = [None]  # of each open step: its input, then the last output inside
        self.known: dict[int, Tensor] = {}  # all inputs and outputs of modules so far, by their id
        self.nodes: set[torch.autograd.graph.Node | None] = set()  # the autograd nodes that created these
        self.counted: set[nn.Parameter] = set()

    def enter(self, module: nn.Module, args: tuple[Tensor, ...]) -> None:
        """Open a step; a forward pre-hook."""
        x = args[0]
        step = Step(self.names[module], module)
        if len(self.open) == 1:
            self.root = step
        else:
            self.add_operations(x)
            step.starts_branch = x is not self.latest[-1]
            self.open[-1].steps.append(step)
        self.remember(x)
        self.open.append(step)
        self.latest.append(x)

    def leave(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        """Close a step; a forward hook."""
        if self.open[-1].steps:  # operations after the last module inside
            self.add_operations(output)
        step = self.open.pop()
        self.latest.pop()
        self.latest[-1] = output
        self.remember(output)
        own = set(module.parameters(recurse=False)) - self.counted
        self.counted |= own
        step.shape = tuple(output.shape[1:])
        step.parameters = sum(parameter.numel() for parameter in own)
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            step.macs = output[0].numel() * module.weight[0].numel()
        step.parameters += sum(inner.parameters for inner in step.steps)
        step.macs += sum(inner.macs for inner in step.steps)

    def remember(self, tensor: Tensor) -> None:
        """Note an input or output of a module."""
        self.known[id(tensor)] = tensor
        self.nodes.add(tensor.grad_fn)

    def add_operations(self, tensor: Tensor) -> None:
        """Add the operations that created `tensor` from inputs and outputs of modules."""
        if id(tensor) in self.known:
            return
        operations, node = [], tensor.grad_fn
        while node is not None and node not in self.nodes and node.next_functions:
            sources = [source for source, _ in node.next_functions if source is not None]
            name = re.sub(r"Backward\d*$", "", node.name())
            shape = tuple(tensor.shape[1:])
            operations.append(Step(operation=name, shape=shape, joins=len(sources) > 1))
            node = sources[0] if sources else None
        self.open[-1].steps += reversed(operations)
        self.latest[-1] = tensor
        self.remember(tensor)


def stages(network: Step) -> list[list[Step]]:
    """Group the steps of a network into stages.

    A step with blocks inside is a stage of its own; neighbouring steps without blocks, such as pool and fc,
    share one. An operation belongs to the module before it.
    """
    found: list[list[Step]] = []
    for step in network.steps:
        if not found or (step.module and (_has_blocks(step) or any(map(_has_blocks, found[-1])))):
            found.append([])
        found[-1].append(step)
    return found


def _has_blocks(step: Step) -> bool:
    """Return whether the steps inside a step have steps inside."""
    return any(inner.steps for inner in step.steps)


@dataclass
class Section:
    """A part of a network with parallel paths.

    Attributes:
        paths: that start at the same tensor, the longest first.
        join: the operation that joins the paths; None in the last section.
    """

    paths: list[list[Step]] = field(default_factory=lambda: [[]])
    join: Step | None = None


def sections(steps: Sequence[Step]) -> list[Section]:
    """Divide steps into sections, each of which ends where paths join."""
    found = [Section()]
    for step in steps:
        if step.joins:
            found[-1].join = step
            found.append(Section())
        elif step.starts_branch:
            found[-1].paths.append([step])
        else:
            found[-1].paths[-1].append(step)
    for section in found:
        section.paths.sort(key=lambda path: -len(layers(path)))
        if section.join and len(section.paths) == 1:
            section.paths.append([])  # an identity shortcut
    return found


def layers(path: Sequence[Step]) -> list[Step]:
    """Return the innermost steps of a path, without identities."""
    inner = [step for whole in path for _, step in whole.walk() if not step.steps]
    return [step for step in inner if not isinstance(step.module, nn.Identity)]


def unpacked(path: Sequence[Step]) -> list[Step]:
    """Return the layers and blocks of a path, without identities, and with sequences replaced by content."""
    found = []
    for step in path:
        if isinstance(step.module, nn.Sequential):
            found += unpacked(step.steps)
        elif not isinstance(step.module, nn.Identity):
            found.append(step)
    return found


def layer_label(module: nn.Module) -> str:
    """Describe a module in a few words, such as "conv 3x3, 64, /2"; "/2" stands for stride 2."""
    match module:
        case nn.Conv2d():
            stride = f", /{module.stride[0]}" if module.stride[0] > 1 else ""
            return f"conv {_size(module.kernel_size)}, {module.out_channels}{stride}"
        case nn.BatchNorm2d():
            return "batch norm"
        case nn.MaxPool2d():
            return f"max pool {_size(module.kernel_size)}, /{module.stride}"
        case nn.AdaptiveAvgPool2d():
            return f"average pool, {_size(module.output_size)}"
        case nn.Flatten():
            return "flatten"
        case nn.Dropout():
            return f"dropout {module.p:g}"
        case nn.Linear():
            return f"linear, {module.out_features}"
    return type(module).__name__


def _size(size: int | tuple[int, ...]) -> str:
    """Format a size as in "3x3"."""
    return TIMES.join(map(str, size if isinstance(size, tuple) else (size, size)))


def format_table(network: Step) -> str:
    """Return a table of all modules in the order of their calls: name, kind, output shape, parameters, MACs.

    The row of a module includes the modules inside it; the last row is the total.
    """
    rows = [("layer", "kind", "output", "parameters", "MACs")]
    rows.append(("input", "", "x".join(map(str, INPUT)), "", ""))
    for depth, step in network.walk(depth=-1):
        if step.name:
            counts = (f"{step.parameters:,}", f"{step.macs:,}")
            shape = "x".join(map(str, step.shape))
            rows.append(("  " * depth + step.name, type(step.module).__name__, shape, *counts))
    rows.append(("total", type(network.module).__name__, "", f"{network.parameters:,}", f"{network.macs:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        left = (cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False))
        right = (cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True))
        lines.append("  ".join((*left, *right)).rstrip())
    rule = "-" * max(map(len, lines))
    return "\n".join((lines[0], rule, *lines[1:-1], rule, lines[-1]))


def render_autograd_graph(network: nn.Module, kind: str, dpi: int) -> tuple[str, bytes | str]:
    """Render the autograd graph of a network with Graphviz.

    Args:
        network: takes ink of shape (1, 1, 28, 28).
        kind: "png", "svg" or "pdf".
        dpi: pixels per inch of a PNG.

    Returns:
        `kind` and the content of the file; "gv" and the source of the graph if Graphviz's dot is missing.

    Raises:
        UserError: if dot fails.
    """
    from torchviz import make_dot

    network = copy.deepcopy(network).cpu()
    graph = make_dot(network(torch.zeros(1, *INPUT)), params=dict(network.named_parameters()))
    del graph.graph_attr["size"]  # limits the size, which makes the text illegible
    dot = shutil.which("dot")
    if not dot:
        return "gv", graph.source
    if kind == "png":
        graph.graph_attr["dpi"] = str(dpi)
    drawn = subprocess.run([dot, f"-T{kind}"], input=graph.source.encode(), capture_output=True)
    if drawn.returncode:
        raise UserError(f"Graphviz's dot failed: {drawn.stderr.decode(errors='replace')}")
    return kind, drawn.stdout
