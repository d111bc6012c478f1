"""Draw the architecture of the network, what it has learnt, and how it reads a digit.

python visualize.py                                          the architecture: image/model.png
python visualize.py --summary                                its layers as a table in the terminal
python visualize.py --what features saliency --index 118     how it reads a validation image
python visualize.py --image photo.jpg --output slides        how it reads a digit in a picture
python visualize.py --what page --image photo.jpg            how a page is read, from photo to text
"""

import common.startup  # noqa: F401 - first: for the time in which the rest is imported

import argparse
import io
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from checkpointing import checkpoint, lookup
from checkpointing.checkpoint import Checkpoint
from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import pick_device
from common.files import PROJECT, write_atomically
from common.messages import UserError, percent, short
from data import LabelledImages, add_data_arguments, load_training
from model import ImprovedResNet18
from visualization.architecture import format_table, render_autograd_graph, trace
from visualization.diagram import draw_architecture
from visualization.explain import grad_cam, stage_maps
from visualization.network_plots import draw_embedding, draw_features, draw_filters, draw_saliency
from visualization.page_plot import FoundSymbol, draw_page

if TYPE_CHECKING:
    from recognition.recognizer import Recognizer

IMAGES = PROJECT / "image"
OF_EXAMPLE = ["features", "saliency"]
OF_NETWORK = ["architecture", "graph"]  # these need no weights
POINTS = 4000
DPI = 160


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    sources = Sources(args)
    if args.summary:
        print(format_table(trace(sources.network)))
    for what in args.what:
        if what == "graph":
            kind, content = render_autograd_graph(sources.network, args.format, args.dpi)
        else:
            kind, content = args.format, encode(DRAW[what](sources), args)
        path = destination(what, kind, sources)
        write_atomically(path, content)
        hint = "; install Graphviz, which brings dot, to get the picture" if kind == "gv" else ""
        print(f"Written: {short(path)}{hint}", file=sys.stderr)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Draw what the network is and what it does.")
    add = parser.add_argument
    names = (*DRAW, "graph", "all")
    what = f"{', '.join(names)} (default: architecture; with --index or --image features and saliency)"
    add("--what", nargs="+", choices=names, metavar="PICTURE", help=what)
    add("--summary", action="store_true", help="print the table of layers; draw only what --what names")
    digit = parser.add_mutually_exclusive_group()
    index = "the validation image that features and saliency show (default: 0)"
    digit.add_argument("--index", type=number(int, at_least=0), help=index)
    image = "a picture of a digit for them to show instead"
    digit.add_argument("--image", type=Path, metavar="FILE", help=image)
    add(
        "--checkpoint",
        metavar="FILE",
        help="weights: a file, or newest, shipped or ink (default: the newest finished run, else the shipped "
        "ones; with --image those made for reading)",
    )
    points = "validation images that embedding shows, those misread among them in any case"
    add("--points", type=number(int, at_least=100), default=POINTS, help=points)
    add("--method", choices=("tsne", "pca"), default="tsne", help="of embedding; pca takes a second")
    where = "(default: the current folder for weights with --image, a run's folder for its own, else image/)"
    add("--output", type=Path, metavar="DIR", help=f"for the pictures {where}")
    add("--format", choices=("png", "svg", "pdf"), default="png", help="of the pictures")
    add("--dpi", type=number(int, at_least=30, at_most=600), default=DPI, help="pixels per inch")
    add_data_arguments(add)
    add_device_arguments(add)
    args = parser.parse_args()
    if args.output and args.output.exists() and not args.output.is_dir():
        raise UserError(f"{short(args.output)} is a file: --output takes a folder")
    if not args.what:
        of_a_digit = args.image or args.index is not None
        args.what = OF_EXAMPLE if of_a_digit else [] if args.summary else ["architecture"]
    if "all" in args.what:
        args.what = [what for what in names[:-1] if what != "page" or args.image]
    if "page" in args.what and not args.image:
        raise UserError("--what page needs --image FILE: the picture whose reading it shows")
    return args


@dataclass(frozen=True)
class Example:
    """A digit and its reading.

    Attributes:
        glyph: float32, (28, 28), ink 1 on 0: the input of the network.
        probabilities: float32, (classes,).
        title: the ground truth, if known, and the reading, as text.
    """

    glyph: np.ndarray
    probabilities: np.ndarray
    title: str


class Sources:
    """What the command line asks to draw; each part is loaded when it is first used.

    Attributes:
        args: from `parse_arguments`.
        device: where the network runs.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        """Pick the device; load nothing yet.

        Raises:
            UserError: if there is no such device.
        """
        self.args = args
        self.device = pick_device(args.device, args.threads)

    @cached_property
    def network(self) -> ImprovedResNet18:
        """The network of --checkpoint, else one with random weights."""
        return self.weights.model if self.args.checkpoint else ImprovedResNet18().eval()

    @cached_property
    def weights(self) -> Checkpoint:
        """The checkpoint of --checkpoint, else the default one."""
        if self.args.image:
            return self.recognizer.checkpoint
        dataset = "digits" if self.args.dataset == "digits" else "mnist"
        return checkpoint.load(lookup.find(self.args.checkpoint, dataset), self.device)

    @cached_property
    def validation(self) -> LabelledImages:
        """The validation images, on the device; the test images are for test.py alone."""
        dataset = self.args.dataset
        if dataset == "auto" and self.weights.dataset == "digits":
            dataset = "digits"
        return load_training(dataset, self.args.data_dir)[1].to(self.device)

    @cached_property
    def example(self) -> Example:
        """The first digit of --image, else the validation image of --index."""
        if self.args.image:
            return self._from_picture(self.args.image)
        return self._from_validation(self.args.index or 0)

    @cached_property
    def recognizer(self) -> "Recognizer":
        """Reads --image with the weights of --checkpoint, else with those made for reading."""
        # Imported late: SciPy takes a second, and only --image needs it.
        from recognition.recognizer import Recognizer

        return Recognizer(self.args.checkpoint, self.device)

    def _from_picture(self, path: Path) -> Example:
        """Read a picture and return its first digit."""
        from preprocessing.image_files import open_picture

        readings = self.recognizer.read_image(open_picture(path))
        if not readings:
            raise UserError(f"{short(path)} is blank: nothing to show")
        digits = [reading for reading in readings if reading.is_digit]
        if len(digits) > 1:
            found = f"{short(path)}: {len(digits)} digits; the first is shown, crop the picture for another"
            print(found, file=sys.stderr)
        shown = digits[0] if digits else readings[0]
        name = self.weights.class_names[shown.digit]
        title = f"A digit from a picture, read as {name}"
        if not digits:
            title = f"Probably no digit; it is nearest to {name}"
        return Example(shown.glyph, shown.probabilities, title)

    def _from_validation(self, index: int) -> Example:
        """Return a validation image with its reading."""
        weights, images = self.weights, self.validation
        if index >= len(images):
            raise UserError(f"--index {index}: the validation images are 0 to {len(images) - 1}")
        ink = images[index : index + 1].ink()
        with torch.inference_mode():
            logits = weights.model(ink)[0].cpu()
        truth, reading = (weights.class_names[k] for k in (images.labels[index], logits.argmax()))
        title = f"Validation image {index:,}: truth {truth}, read as {reading}"
        return Example(ink[0, 0].cpu().numpy(), logits.softmax(0).numpy(), title)


def destination(what: str, kind: str, sources: Sources) -> Path:
    """Return the path of a picture: in --output, else in the folder of the run, else in image/.

    Pictures that show --image are named after it. With it all that show weights lie in the current folder
    unless --output is given, for these are not the weights that image/ shows. Pictures that show
    scikit-learn's digits, or weights trained on them, get other names than those of MNIST.

    Args:
        what: the picture, as --what names it.
        kind: suffix of the file.
        sources: what is drawn.
    """
    name = "model" if what == "architecture" else what
    if what in OF_NETWORK and not sources.args.checkpoint:
        return (sources.args.output or IMAGES) / f"{name}.{kind}"
    if sources.args.image:
        folder = sources.args.output or Path()
        if what in (*OF_EXAMPLE, "page"):
            name = f"{sources.args.image.stem}_{'reading' if what == 'page' else what}"
        return folder / f"{name}.{kind}"
    weights = sources.weights
    folder = IMAGES if weights.path.resolve() in lookup.SHIPPED.values() else weights.path.parent
    shows_images = what == "embedding" or what in OF_EXAMPLE
    if "digits" in (weights.dataset, shows_images and sources.validation.dataset):
        name += "_digits"
    return (sources.args.output or folder) / f"{name}.{kind}"


def encode(figure: Figure, args: argparse.Namespace) -> bytes:
    """Return a figure as a file in --format, with --dpi."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=args.format, dpi=args.dpi)
    return buffer.getvalue()


def architecture(sources: Sources) -> Figure:
    """Draw the block diagram."""
    return draw_architecture(trace(sources.network))


def filters(sources: Sources) -> Figure:
    """Draw the kernels of the first convolution."""
    convolutions = (layer for layer in sources.weights.model.modules() if isinstance(layer, nn.Conv2d))
    kernels = next(convolutions).weight.detach()[:, 0].cpu().numpy()
    return draw_filters(kernels, f"The {len(kernels)} kernels of the first layer")


def features(sources: Sources) -> Figure:
    """Draw the feature maps of the example."""
    example, weights = sources.example, sources.weights
    maps = stage_maps(weights.model, example.glyph)
    return draw_features(example.glyph, maps, example.probabilities, weights.class_names, example.title)


def saliency(sources: Sources) -> Figure:
    """Draw Grad-CAM of the example for the reading and for the runner-up."""
    example, weights = sources.example, sources.weights
    two = example.probabilities.argsort()[:-3:-1]
    heats = [grad_cam(weights.model, example.glyph, int(k)) for k in two]
    captions = [
        f"for {weights.class_names[k]}, the {rank}, {percent(example.probabilities[k], decimals=1)}"
        for k, rank in zip(two, ("reading", "runner-up"), strict=False)
    ]
    return draw_saliency(example.glyph, heats, captions, example.title)


def embedding(sources: Sources) -> Figure:
    """Draw the features of the validation images in two dimensions."""
    # Imported late: scikit-learn takes seconds.
    from visualization.embedding import choose, compute_features, embed

    weights, images = sources.weights, sources.validation
    vectors, readings = compute_features(weights.model, images)
    labels = images.labels.cpu().numpy()
    wrong = readings != labels
    chosen = choose(wrong, sources.args.points)
    points = embed(vectors[chosen], sources.args.method)
    method = {"tsne": "t-SNE", "pca": "PCA"}[sources.args.method]
    shown, circles = part_of(len(chosen), len(images)), part_of(wrong[chosen].sum(), wrong.sum())
    title = (
        f"{method} of the {vectors.shape[1]} features of {shown} validation images\n"
        f"circles: {circles} that are misread, with what they are"
    )
    return draw_embedding(points, labels[chosen], readings[chosen], weights.class_names, title)


def page(sources: Sources) -> Figure:
    """Draw the steps from the picture to its text."""
    # Imported late: SciPy takes a second.
    from pages.ink_extraction import find_ink
    from preprocessing.image_files import as_rgb, open_picture
    from recognition.reading import text_of

    path = sources.args.image
    image = open_picture(path)
    ink = find_ink(image)
    if ink is None:
        raise UserError(f"{short(path)} is blank: nothing to show")
    readings = sources.recognizer.read_ink(ink)
    symbols = [FoundSymbol(r.symbol, r.box, r.glyph, r.line, r.group) for r in readings]
    height, width = ink.mask.shape
    # At least a quarter grey, so that unlikely ink stays visible.
    shades = ink.mask * (1.0 if ink.probabilities is None else np.clip(ink.probabilities / 255, 0.25, 1))
    title = f"{path.name} reads {text_of(readings)}"
    return draw_page(np.asarray(as_rgb(image)), ink.box((0, 0, width, height)), shades, symbols, title)


def part_of(count: int, total: int) -> str:
    """Format a count as "all 12" or "3 of the 12"."""
    return f"all {total:,}" if count == total else f"{count:,} of the {total:,}"


DRAW = {
    "architecture": architecture,
    "filters": filters,
    "features": features,
    "saliency": saliency,
    "embedding": embedding,
    "page": page,
}


if __name__ == "__main__":
    run_script(main)
