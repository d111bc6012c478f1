"""visualize.py: the numbers are the module's, and texts in the figures do not overlap."""

# ruff: noqa: RUF001  (the diagram has multiplication signs)

import argparse
import contextlib
import functools
import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Circle
from matplotlib.text import Text
from PIL import Image
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from common.files import PROJECT
from common.messages import short
from data import load_training
from model import ImprovedResNet18, ResidualBlock
from tests.support.project import Result, assert_one_line_error
from visualization import network_plots
from visualization.architecture import Step, format_table, layers, sections, trace
from visualization.diagram import draw_architecture
from visualization.embedding import choose, embed
from visualize import Sources, destination, main, page, parse_arguments

README_WIDTH = 830  # pixels
PICTURES = ("architecture", "filters", "features", "saliency", "embedding")
posix = pytest.mark.skipif(os.name != "posix", reason="terminals and programs as on POSIX")


def altered(blocks: int = 3, width: int = 48, num_classes: int = 10) -> ImprovedResNet18:
    """Return a network with another number of blocks in layer1, width of layer2 and number of classes."""
    model = ImprovedResNet18(num_classes)
    model.layer1 = nn.Sequential(*(ResidualBlock(32, 32) for _ in range(blocks)))
    model.layer2 = nn.Sequential(ResidualBlock(32, width, stride=2))
    model.layer3[0] = ResidualBlock(width, 128, stride=2)
    return model


class Foreign(nn.Module):
    """A different network: functions in place of modules, identity shortcuts."""

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.norm, self.conv = nn.BatchNorm2d(width), nn.Conv2d(width, width, 5, padding=2)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.conv(self.norm(x)) + x)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3)
        self.body = nn.Sequential(self.Block(8), self.Block(8))
        self.last = nn.Linear(8, 10)

    def forward(self, ink: Tensor) -> Tensor:
        return self.last(self.body(self.first(ink * 2)).mean((2, 3)))


MODELS = pytest.mark.parametrize(
    "model", [ImprovedResNet18(), altered(), Foreign()], ids=["real", "altered", "foreign"]
)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


# The numbers


def test_the_real_network():
    network = trace(ImprovedResNet18())
    assert network.parameters == 696_042
    assert [step.name for step in network.steps if step.name] == [
        "stem",
        "layer1",
        "layer2",
        "layer3",
        "pool",
        "dropout",
        "fc",
    ]
    assert [step.operation for step in network.steps if not step.name] == ["Sub", "Div"]


@MODELS
def test_counts_are_those_of_the_module(model):
    assert_counts(model)


@settings(max_examples=15, deadline=None)
@given(blocks=st.integers(1, 4), width=st.integers(1, 70), num_classes=st.integers(1, 30))
def test_counts_of_altered_networks(blocks, width, num_classes):
    assert_counts(altered(blocks, width, num_classes))


def assert_counts(model: nn.Module) -> None:
    """Check the parameters of each module, and the multiply-accumulates against PyTorch's own counter."""
    with FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 1, 28, 28))
    operations = {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    root = type(model).__name__
    for _, step in trace(model).walk():
        if step.module:
            inside = model.get_submodule(step.name)
            assert step.parameters == sum(parameter.numel() for parameter in inside.parameters())
            name = f"{root}.{step.name}" if step.name else root
            assert 2 * step.macs == operations.get(name, 0), step.name  # PyTorch counts * and + separately


def test_tracing_does_not_change_the_module():
    model = ImprovedResNet18().train()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trace(model)
    assert model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_a_residual_block_is_two_paths_and_a_sum():
    network = trace(ImprovedResNet18())
    first, second = (block for block in stage(network, "layer2").steps)
    for block, shortcut in ((first, ["0", "1"]), (second, [])):
        joined, after = sections(block.steps)
        assert joined.join.operation == "Add"
        main, other = (layers(path) for path in joined.paths)
        assert names(main) == ["conv1", "bn1", "relu", "conv2", "bn2"]
        assert names(other) == shortcut
        assert names(after.paths[0]) == ["relu"]


def stage(network: Step, name: str) -> Step:
    return next(step for step in network.steps if step.name == name)


def names(steps: list[Step]) -> list[str]:
    return [step.name.rpartition(".")[2] for step in steps]


def test_table():
    table = format_table(trace(ImprovedResNet18(num_classes=3))).splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in table if not line.startswith("-")}
    assert rows["layer"] == ["kind", "output", "parameters", "MACs"]
    assert rows["layer2.0.conv1"] == ["Conv2d", "64x7x7", "18,432", "903,168"]  # 3*3*32*64, and 7*7 of them
    assert rows["layer3"] == ["Sequential", "128x4x4", "525,568", "8,388,608"]
    assert rows["fc"] == ["Linear", "3", "387", "384"]
    total = sum(parameter.numel() for parameter in ImprovedResNet18(num_classes=3).parameters())
    assert rows["total"][:2] == ["ImprovedResNet18", f"{total:,}"]
    assert len({len(line) for line in table[1:] if line.endswith(("0", "8", "-"))}) <= 2


# The diagram


def test_diagram_shows_what_the_network_has():
    shown = texts(draw_architecture(trace(ImprovedResNet18())))
    assert "696,042 parameters  ·  22,263,552 multiply-accumulates (MACs)" in shown
    for name, parameters, macs in (
        ("stem", 352, 225_792),
        ("layer1", 37_120, 7_225_344),
        ("layer2", 131_712, 6_422_528),
        ("layer3", 525_568, 8_388_608),
        ("pool · dropout · fc", 1_290, 1_280),
    ):
        assert {name, f"{parameters:,} parameters", f"{macs:,} MACs"} <= set(shown)
    assert shown.count("ResidualBlock") == 6
    assert shown.count("+") == 6
    assert shown.count("conv 1×1\n64, /2") == shown.count("conv 1×1\n128, /2") == 1
    assert {"subtract 0.1307", "divide by 0.3081", "dropout 0.5", "linear, 10", "output 10"} <= set(shown)
    for shape in ("1×28×28", "32×28×28", "32×14×14", "64×7×7", "128×4×4"):
        assert shape in shown, shape


def test_an_altered_network_gives_an_altered_diagram():
    shown = texts(draw_architecture(trace(altered(blocks=3, width=48, num_classes=7))))
    assert shown.count("ResidualBlock") == 3 + 1 + 2
    assert {"conv 3×3, 48, /2", "conv 1×1\n48, /2", "48×7×7", "linear, 7", "output 7"} <= set(shown)
    assert "conv 3×3, 64, /2" not in shown
    assert not any("696,042" in text for text in shown)
    foreign = draw_architecture(trace(Foreign()))
    assert {"Foreign", "multiply by", "Block", "relu", "mean"} <= set(texts(foreign))
    assert sum(isinstance(patch, Circle) for patch in foreign.axes[0].patches) == 2


@MODELS
def test_nothing_in_the_diagram_is_tiny_or_clipped_or_collides(model):
    figure = draw_architecture(trace(model))
    assert_tidy(figure)
    width = figure.get_size_inches()[0]
    smallest = min(text.get_fontsize() for text in figure.axes[0].texts) / 72  # in inches
    assert smallest * README_WIDTH / max(width, README_WIDTH / 86) > 8.5


def assert_tidy(figure: Figure) -> None:
    """Check that all texts lie inside the figure and none overlaps another."""
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in all_texts(figure) if text.get_text()]
    assert boxes
    for place, (text, box) in enumerate(boxes):
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text
        for other, second in boxes[:place]:
            across = min(box.x1, second.x1) - max(box.x0, second.x0)
            down = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert across < 1 or down < 2, (text, other)


def all_texts(figure: Figure | SubFigure) -> Iterator[Text]:
    """Yield all texts of a figure; axes that are switched off have no tick labels."""
    yield from figure.texts
    for part in figure.subfigs:
        yield from all_texts(part)
    for axes in figure.axes if isinstance(figure, Figure) else ():
        yield from (*axes.texts, axes.title)
        if axes.axison:
            yield from (*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label)


@pytest.mark.long
def test_the_diagram_looks_the_same_on_any_background():
    """It is opaque except for its rounded corners, so it looks the same on any background."""
    buffer = io.BytesIO()
    draw_architecture(trace(ImprovedResNet18())).savefig(buffer, dpi=100)
    pixels = np.asarray(Image.open(buffer))
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1], 3] == 0).all()
    assert (pixels[8:-8, 8:-8, 3] == 255).all()
    light, dark = (np.asarray(on_page(buffer, colour)) for colour in ("#ffffff", "#0d1117"))
    np.testing.assert_array_equal(light[8:-8, 8:-8], dark[8:-8, 8:-8])


def on_page(file: io.BytesIO, colour: str) -> Image.Image:
    picture = Image.open(file).convert("RGBA")
    page = Image.new("RGBA", picture.size, colour)
    page.alpha_composite(picture)
    return page.convert("RGB")


# The other pictures


@pytest.mark.long
def test_their_texts_are_tidy():
    rng = np.random.RandomState(0)
    glyph, ten = rng.rand(28, 28).astype(np.float32), [str(digit) for digit in range(10)]
    probabilities = np.full(10, 0.1, np.float32)
    maps = {f"layer{n}": rng.rand(8 * n, 28 // n, 28 // n) for n in (1, 2, 3)}
    assert_tidy(network_plots.draw_filters(rng.randn(32, 3, 3), "Title"))
    assert_tidy(network_plots.draw_filters(rng.randn(5, 3, 3), "Title"))
    assert_tidy(network_plots.draw_features(glyph, maps, probabilities, ten, "Title"))
    captions = ["for 4, the reading, >99.9%", "for 9, the runner-up, <0.1%"]
    assert_tidy(network_plots.draw_saliency(glyph, [glyph, glyph], captions, "Title"))


def test_embedding_draws_mistakes_apart_and_with_their_class():
    """Nine mistakes at one point become nine circles that do not overlap, each with the true class."""
    points = np.concatenate([np.random.RandomState(0).rand(100, 2), np.full((9, 2), 0.5)])
    labels = np.concatenate([np.zeros(100, int), np.arange(1, 10)])
    readings = np.zeros(109, int)
    figure = network_plots.draw_embedding(points, labels, readings, [str(k) for k in range(10)], "Title")
    numbers = [text for text in figure.axes[0].texts if text.get_fontsize() < 10]
    assert [text.get_text() for text in numbers] == [str(k) for k in range(1, 10)]
    places = np.array([text.get_position() for text in numbers])
    gaps = np.linalg.norm(places[:, None] - places, axis=2) + np.eye(9)
    assert gaps.min() > 0.14
    assert gaps[gaps < 1].max() < 1  # inches: close to their points


@pytest.mark.parametrize("off", [0, 1], ids=["all right", "all wrong"])
def test_embeddings_of_the_best_and_of_the_worst_network_are_drawn(off):
    points, labels = np.random.RandomState(0).rand(5000, 2), np.arange(5000) % 10
    figure = network_plots.draw_embedding(
        points, labels, (labels + off) % 10, [str(k) for k in range(10)], "Title"
    )
    assert sum(len(dots.get_offsets()) for dots in figure.axes[0].collections) == 5000
    figure.draw_without_rendering()


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.integers(1, 300))
def test_choice_prefers_mistakes(wrong, count):
    wrong = np.array(wrong)
    chosen = choose(wrong, count)
    assert len(chosen) == min(count, len(wrong))
    assert (np.diff(chosen) > 0).all()
    assert wrong[chosen].sum() == min(count, wrong.sum())
    np.testing.assert_array_equal(chosen, choose(wrong, count))


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_embedding_keeps_neighbours_together(method):
    """Two clouds that are far apart in 128 dimensions are so in two, and the same twice."""
    rng = np.random.RandomState(0)
    clouds = rng.randn(120, 128).astype(np.float32)
    clouds[60:] += 5
    points = embed(clouds, method)
    assert points.shape == (120, 2)
    distances = np.linalg.norm(points[:, None] - points, axis=2) + np.diag(np.full(120, np.inf))
    assert ((distances.argmin(1) < 60) == (np.arange(120) < 60)).all()
    np.testing.assert_array_equal(points, embed(clouds, method))


# The script


@pytest.fixture
def script(run_main) -> Callable[..., Result]:
    """Return a function that runs the script in this process."""
    return functools.partial(run_main, main, "--device", "cpu")


def test_every_picture_is_drawn_and_shows_something(project):
    """In a process that has no display."""
    flags = ("--what", *PICTURES, "--method", "pca", "--dataset", "digits", "--checkpoint", "shipped")
    project.environment.pop("DISPLAY", None)
    project.environment.pop("WAYLAND_DISPLAY", None)
    result = project.run("visualize.py", *flags, "--dpi", 70, "--index", 3, "--output", "out")
    assert (result.returncode, result.stdout) == (0, "")
    files = ["model", "filters", "features_digits", "saliency_digits", "embedding_digits"]
    for line, name in zip(result.stderr.splitlines(), files, strict=True):
        assert line == f"Written: out/{name}.png"
        with open(project.folder / f"out/{name}.png", "rb") as content:
            pixels = np.asarray(on_page(content, "#0d1117").convert("L"), float)
        assert pixels.std() > 10, name
        assert (np.abs(pixels - np.median(pixels)) > 50).mean() > 0.005, name
    assert len(list((project.folder / "out").iterdir())) == len(files)


def test_the_test_images_are_not_read(script, tmp_path, mnist_dir):
    for path in mnist_dir.rglob("train-*"):
        shutil.copy(path, tmp_path)
    flags = ("--what", "saliency", "--checkpoint", "shipped", "--data-dir", tmp_path, "--dataset", "mnist")
    assert script(*flags, "--output", tmp_path).returncode == 0


def test_without_arguments_it_draws_the_architecture(project):
    result = project.run("visualize.py")
    assert (result.returncode, result.stderr) == (0, "Written: image/model.png\n")
    with Image.open(project.folder / "image/model.png") as picture:
        assert picture.width > 1.5 * README_WIDTH  # sharp on dense displays


def test_summary(script, tmp_path):
    result = script("--summary")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == format_table(trace(ImprovedResNet18())) + "\n"
    result = script("--summary", "--what", "architecture", "--output", tmp_path)
    assert "696,042" in result.stdout
    assert (tmp_path / "model.png").exists()


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_vector_formats(script, tmp_path, mnist_dir, kind):
    """Of a drawing, and of one with images in it."""
    what, name = {"svg": ("architecture", "model"), "pdf": ("saliency", "saliency")}[kind]
    flags = ("--what", what, "--checkpoint", "shipped", "--format", kind)
    assert script(*flags, "--output", tmp_path).returncode == 0
    content = (tmp_path / f"{name}.{kind}").read_bytes()
    if kind == "svg":
        root = ElementTree.fromstring(content)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(root.iter())) > 50
    else:
        assert content.startswith(b"%PDF-")
        assert content.rstrip().endswith(b"%%EOF")


@pytest.mark.long
def test_dpi(script, tmp_path):
    sizes = []
    for dpi in (50, 100):
        script("--what", "filters", "--checkpoint", "shipped", "--dpi", dpi, "--output", tmp_path)
        with Image.open(tmp_path / "filters.png") as picture:
            sizes.append(np.array(picture.size))
    assert np.abs(sizes[1] - 2 * sizes[0]).max() <= 2


@pytest.mark.long
def test_index_chooses_the_digit(script, tmp_path, mnist_dir):
    pictures = []
    for index in (0, 118):
        result = script("--index", index, "--checkpoint", "shipped", "--dpi", 30, "--output", tmp_path)
        names = ("features.png", "saliency.png")
        assert result.stderr.splitlines() == [f"Written: {short(tmp_path / name)}" for name in names]
        pictures.append((tmp_path / "saliency.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_a_picture_from_elsewhere(tmp_path, mnist_dir):
    """The digit on a sheet of paper is shown as the recognizer sees and reads it."""
    validation = load_training("mnist", mnist_dir)[1]
    paper = Image.new("L", (500, 400), 235)
    paper.paste(on_paper(validation.images[32, 0]), (90, 50))
    paper.save(tmp_path / "photo.png")
    digit = Sources(arguments("--image", tmp_path / "photo.png")).example
    assert digit.title == "A digit from a picture, read as 4"
    assert digit.probabilities.argmax() == validation.labels[32] == 4
    seen, original = digit.glyph.ravel(), validation.images[32].numpy().ravel()
    assert np.corrcoef(seen, original)[0, 1] > 0.8


def on_paper(image: Tensor) -> Image.Image:
    """Return dark ink on light grey paper, ten times as large."""
    return Image.fromarray(np.minimum(255 - image.numpy(), 235)).resize((280, 280), Image.Resampling.BICUBIC)


def arguments(*flags: object) -> argparse.Namespace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["visualize.py", "--device", "cpu", *map(str, flags)])
        return parse_arguments()


def test_of_several_digits_the_first_is_shown(script, tmp_path, mnist_dir):
    validation = load_training("mnist", mnist_dir)[1]
    paper = Image.new("L", (700, 400), 235)
    for place, index in enumerate((32, 51)):
        paper.paste(on_paper(validation.images[index, 0]), (30 + 330 * place, 50))
    paper.save(tmp_path / "two.png")
    result = script("--image", tmp_path / "two.png", "--what", "saliency", "--output", tmp_path)
    assert result.returncode == 0
    assert "two.png: 2 digits; the first is shown" in result.stderr
    assert (tmp_path / "two_saliency.png").exists()


@pytest.mark.parametrize("what", ["features", "saliency"])
def test_a_picture_of_an_image_is_named_after_it_in_the_current_folder(what):
    """Those in image/ belong to the documentation."""
    assert destination(what, "png", Sources(arguments("--image", "in/two.jpg"))) == Path(f"two_{what}.png")


def test_how_a_page_is_read(script, tmp_path):
    result = script(
        "--what",
        "page",
        "--image",
        PROJECT / "tests/cases/desk_0.jpg",
        "--output",
        tmp_path,
        "--format",
        "svg",
    )
    assert result.returncode == 0, result.stderr
    drawn = (tmp_path / "desk_0_reading.svg").read_text(encoding="utf-8")
    assert "desk_0.jpg reads 90417 2356" in drawn


def test_ink_of_a_page_is_grey_where_it_is_unsure():
    figure = page(Sources(arguments("--image", PROJECT / "tests/cases/desk_0.jpg", "--checkpoint", "ink")))
    shades = figure.subfigs[0].axes[1].images[0].get_array()
    assert shades.min() == 0
    assert shades[shades > 0].min() == 0.25
    assert 0.25 < np.median(shades[shades > 0]) < 1


def test_pictures_of_a_run_go_to_its_folder(trained):
    """If the run was on other digits, they do not have the names of MNIST's pictures."""
    flags = ("--dataset", "digits", "--what", "architecture", "filters")
    result = trained.run("visualize.py", *flags)
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines() == [
        "Written: image/model.png",
        "Written: runs/digits/filters_digits.png",
    ]


@pytest.mark.long
@posix
def test_progress_bars(tmp_path):
    """On a terminal, which receives all output of the script."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    flags = ("--what", "embedding", "--dataset", "digits", "--points", 360, "--checkpoint", "shipped")
    command = [sys.executable, "visualize.py", "--device", "cpu", *map(str, flags), "--output", str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # the end, on Linux
            while piece := os.read(ours, 4096):
                seen += piece
    os.close(ours)
    assert process.returncode == 0, seen
    shown = [int(percent) for percent in re.findall(rb"t-SNE: +(\d+)%", seen)]
    assert shown[0] == 0
    assert shown[-1] > 50  # and of those between, a fast machine shows few
    assert b"features" in seen
    assert b"Iteration" not in seen


def test_graph_without_dot_is_written_as_its_source(script, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = script("--what", "graph", "--output", tmp_path)
    source = (tmp_path / "graph.gv").read_text()
    assert result.returncode == 0
    assert len(result.stderr.splitlines()) == 1
    assert "graph.gv" in result.stderr
    assert "install Graphviz" in result.stderr
    assert source.startswith("digraph {")
    assert all(f"{name}\n" in source for name, _ in ImprovedResNet18().named_parameters())
    assert list(tmp_path.iterdir()) == [tmp_path / "graph.gv"]


@posix
def test_graph_with_dot(script, tmp_path, monkeypatch):
    """With a dot that prints its arguments and its input, and one that fails."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "dot").write_text('#!/bin/sh\necho picture "$@"\ncat\n')
    (tmp_path / "dot").chmod(0o755)
    assert script("--what", "graph", "--format", "svg", "--output", tmp_path).returncode == 0
    first, *rest = (tmp_path / "graph.svg").read_text().splitlines()
    assert "-Tsvg" in first
    assert rest[0] == "digraph {"
    (tmp_path / "dot").write_text("#!/bin/sh\necho no such format >&2\nexit 1\n")
    result = script("--what", "graph", "--output", tmp_path)
    assert_one_line_error(result, "dot failed", "no such format")
    assert not (tmp_path / "graph.png").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--what", "everything"), ("everything", "architecture")),
        (("--index", -1), ("--index", "at least 0")),
        (("--index", 12_000), ("12000", "0 to 11999")),
        (("--index", 3, "--image", "photo.png"), ("--image", "not allowed")),
        (("--image", "missing.png"), ("missing.png",)),
        (("--image", "README.md"), ("README.md", "not a picture")),
        (("--checkpoint", "missing.pt"), ("missing.pt", "no such checkpoint")),
        (("--checkpoint", "README.md", "--what", "filters"), ("README.md", "not a checkpoint")),
        (("--format", "gif"), ("gif", "svg")),
        (("--dpi", 0), ("--dpi", "at least")),
        (("--dpi", 10**9), ("--dpi", "at most")),
        (("--points", 3), ("--points", "at least")),
        (("--output", "README.md"), ("README.md", "is a file")),
        (("--what", "page"), ("--what page", "--image")),
        (("--what", "embedding", "--data-dir", "README.md"), ("README.md", "folder")),
    ],
)
def test_bad_input(script, mnist_dir, flags, words, monkeypatch):
    monkeypatch.chdir(PROJECT)
    assert_one_line_error(script(*flags), *words)


def test_a_blank_picture_is_an_error(script, tmp_path):
    Image.new("L", (200, 200), 255).save(tmp_path / "blank.png")
    assert_one_line_error(script("--image", tmp_path / "blank.png"), "blank.png", "blank")
