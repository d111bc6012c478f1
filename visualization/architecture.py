"""What a network is made of, found by running it: a tree of calls with shapes, parameters and MACs.

Hooks on every module see the calls; autograd tells what happens between modules, such as the sum at the
end of a residual block. Nothing here knows the layers of `model.py`.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

INPUT = (1, 28, 28)
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass
class Step:
    """One call of a module or, between modules, one operation; with the steps taken inside it.

    Attributes:
        name: the module's name, such as "layer2.0.conv1"; "" for the whole network and for operations.
        module: None for an operation.
        operation: autograd's name of it, such as "Add"; "" for a module.
        shape: of the output, without the batch.
        parameters: how many it is the first to use, those of the steps inside included.
        macs: multiply-accumulates for one image, those of the steps inside included. By the usual
            convention those of convolutions and linear layers, without the sums that add a bias.
        starts_branch: whether it takes the input of the enclosing step once more, beside the steps
            before it, as a shortcut does.
        joins: whether it makes one of several branches.
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
        """Itself and all steps inside in the order of the calls, with their depth."""
        yield depth, self
        for step in self.steps:
            yield from step.walk(depth + 1)


def trace(model: nn.Module) -> Step:
    """Run a copy of `model` on one blank image in evaluation mode; the call of the whole network.

    The network takes ink of shape (1, 1, 28, 28) and gives one tensor, as do all modules in it.
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
    """Hooks that build the tree. Tensors are told apart by identity, so all of them are kept."""

    def __init__(self, model: nn.Module) -> None:
        self.root = Step()  # until the network itself is called
        self.names = {module: name for name, module in model.named_modules()}
        self.open = [self.root]
        self.latest: list[Tensor | None] = [None]  # in each open step: its input, then the latest output
        self.known: dict[int, Tensor] = {}  # all inputs and outputs of modules so far
        self.nodes: set[torch.autograd.graph.Node | None] = set()  # autograd's nodes that made these
        self.counted: set[nn.Parameter] = set()

    def enter(self, module: nn.Module, args: tuple[Tensor, ...]) -> None:
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
        if self.open[-1].steps:  # what is done to the output of the last module inside
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
        self.known[id(tensor)] = tensor
        self.nodes.add(tensor.grad_fn)

    def add_operations(self, tensor: Tensor) -> None:
        """Add what made `tensor` out of the tensors that modules took and gave."""
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
    """The network's steps in groups: one with blocks is alone; neighbours without, as pool and fc, share one.

    An operation belongs to the module before it.
    """
    found: list[list[Step]] = []
    for step in network.steps:
        if not found or (step.module and (_has_blocks(step) or any(map(_has_blocks, found[-1])))):
            found.append([])
        found[-1].append(step)
    return found


def _has_blocks(step: Step) -> bool:
    return any(inner.steps for inner in step.steps)


@dataclass
class Section:
    """Paths that leave one tensor, the longest first, and the operation that joins them, if one does."""

    paths: list[list[Step]] = field(default_factory=lambda: [[]])
    join: Step | None = None


def sections(steps: Sequence[Step]) -> list[Section]:
    """The steps in stretches, each up to where paths join."""
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
            section.paths.append([])  # what is added passed no module
    return found


def layers(path: Sequence[Step]) -> list[Step]:
    """The innermost steps of a path, without those that do nothing."""
    inner = [step for whole in path for _, step in whole.walk() if not step.steps]
    return [step for step in inner if not isinstance(step.module, nn.Identity)]


def unpacked(path: Sequence[Step]) -> list[Step]:
    """Layers and blocks of a path, without the sequences that they stand in."""
    found = []
    for step in path:
        if isinstance(step.module, nn.Sequential):
            found += unpacked(step.steps)
        elif not isinstance(step.module, nn.Identity):
            found.append(step)
    return found


def layer_label(module: nn.Module) -> str:
    """The module in a few words, such as "conv 3x3, 64, /2"; stride 2 is written /2."""
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
    return TIMES.join(map(str, size if isinstance(size, tuple) else (size, size)))


def format_table(network: Step) -> str:
    """All modules in the order of their calls: name, kind, output shape, parameters, MACs.

    A row of a module with modules inside counts what is inside; the last row is the total.
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
