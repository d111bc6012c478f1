"""Draw what the network is and what it does, from the real module and real images.

python visualize.py                                          the architecture: image/model.png
python visualize.py --summary                                its layers as a table in the terminal
python visualize.py --what features saliency --index 118     how it reads a validation image
python visualize.py --image photo.jpg --output slides        how it reads a picture from elsewhere
"""

import common.interrupt  # noqa: F401 - first: Ctrl-C is silent while the rest is imported

import argparse
import copy
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from checkpointing import lookup
from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.files import PROJECT, write_atomically
from common.messages import UserError, percent, short
from data import add_data_arguments
from subject import Subject
from visualization.architecture import INPUT, format_table, trace
from visualization.diagram import draw_architecture
from visualization.explain import grad_cam
from visualization.network_plots import draw_embedding, draw_features, draw_filters, draw_saliency

IMAGES = PROJECT / "image"
OF_A_DIGIT = ["features", "saliency"]
OF_THE_MODULE = ["architecture", "graph"]  # these need no weights
POINTS = 4000
DPI = 160


def main() -> int:
    args = parse_arguments()
    subject = Subject(args)
    if args.summary:
        print(format_table(trace(subject.network)))
    for what in args.what:
        kind, content = draw_graph(subject) if what == "graph" else encode(DRAW[what](subject), args)
        path = destination(what, kind, subject)
        write_atomically(path, content)
        hint = "; install Graphviz, which brings dot, to get the picture" if kind == "gv" else ""
        print(f"Written: {short(path)}{hint}", file=sys.stderr)
    return 0


def parse_arguments() -> argparse.Namespace:
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
    where = "(default: the run's folder for a run's weights, image/ for all else)"
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
        args.what = OF_A_DIGIT if of_a_digit else [] if args.summary else ["architecture"]
    if "all" in args.what:
        args.what = names[:-1]
    return args


def destination(what: str, kind: str, subject: Subject) -> Path:
    """--output, else the folder of the run whose weights it shows, else image/.

    What shows scikit-learn's digits, or weights trained on them, never has the name of a picture of MNIST.
    """
    name = "model" if what == "architecture" else what
    if what in OF_THE_MODULE and not subject.args.checkpoint:
        return (subject.args.output or IMAGES) / f"{name}.{kind}"
    weights = subject.weights
    folder = IMAGES if weights.path.resolve() in lookup.SHIPPED.values() else weights.path.parent
    shows_images = what == "embedding" or (what in OF_A_DIGIT and not subject.args.image)
    if "digits" in (weights.dataset, shows_images and subject.validation.dataset):
        name += "_digits"
    return (subject.args.output or folder) / f"{name}.{kind}"


def encode(figure: Figure, args: argparse.Namespace) -> tuple[str, bytes]:
    """The format and the bytes of a file of it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=args.format, dpi=args.dpi)
    return args.format, buffer.getvalue()


# The pictures


def architecture(subject: Subject) -> Figure:
    return draw_architecture(trace(subject.network))


def filters(subject: Subject) -> Figure:
    convolutions = (layer for layer in subject.weights.model.modules() if isinstance(layer, nn.Conv2d))
    kernels = next(convolutions).weight.detach()[:, 0].cpu().numpy()
    return draw_filters(kernels, f"The {len(kernels)} kernels of the first layer")


def features(subject: Subject) -> Figure:
    digit, weights = subject.digit, subject.weights
    maps = stage_maps(weights.model, torch.from_numpy(digit.glyph).to(subject.device))
    return draw_features(digit.glyph, maps, digit.probabilities, weights.class_names, digit.title)


def stage_maps(model: nn.Module, glyph: Tensor) -> dict[str, np.ndarray]:
    """The maps that each stage gives for a glyph of (28, 28): (channels, height, width), by its name."""
    maps = {}
    hooks = [
        stage.register_forward_hook(lambda module, args, output, name=name: maps.update({name: output}))
        for name, stage in model.named_children()
    ]
    with torch.inference_mode():
        model(glyph[None, None])
    for hook in hooks:
        hook.remove()
    return {name: output[0].cpu().numpy() for name, output in maps.items() if output.ndim == 4}


def saliency(subject: Subject) -> Figure:
    digit, weights = subject.digit, subject.weights
    two = digit.probabilities.argsort()[:-3:-1]
    heats = [grad_cam(weights.model, digit.glyph, int(k)) for k in two]
    captions = [
        f"for {weights.class_names[k]}, the {rank}, {percent(digit.probabilities[k], decimals=1)}"
        for k, rank in zip(two, ("reading", "runner-up"), strict=False)
    ]
    return draw_saliency(digit.glyph, heats, captions, digit.title)


def embedding(subject: Subject) -> Figure:
    from visualization.embedding import (  # brings scikit-learn, which takes seconds
        choose,
        compute_features,
        embed,
    )

    weights, digits = subject.weights, subject.validation
    vectors, readings = compute_features(weights.model, digits)
    labels = digits.labels.cpu().numpy()
    wrong = readings != labels
    chosen = choose(wrong, subject.args.points)
    points = embed(vectors[chosen], subject.args.method)
    method = {"tsne": "t-SNE", "pca": "PCA"}[subject.args.method]
    shown, circles = part_of(len(chosen), len(digits)), part_of(wrong[chosen].sum(), wrong.sum())
    title = (
        f"{method} of the {vectors.shape[1]} features of {shown} validation images\n"
        f"circles: {circles} that are misread, with what they are"
    )
    return draw_embedding(points, labels[chosen], readings[chosen], weights.class_names, title)


def part_of(count: int, whole: int) -> str:
    return f"all {whole:,}" if count == whole else f"{count:,} of the {whole:,}"


DRAW = {
    "architecture": architecture,
    "filters": filters,
    "features": features,
    "saliency": saliency,
    "embedding": embedding,
}


def draw_graph(subject: Subject) -> tuple[str, bytes | str]:
    """Autograd's graph in --format or, without Graphviz's dot, its source: "gv" and text."""
    from torchviz import make_dot

    network = copy.deepcopy(subject.network).cpu()
    graph = make_dot(network(torch.zeros(1, *INPUT)), params=dict(network.named_parameters()))
    del graph.graph_attr["size"]  # it would shrink the text
    dot = shutil.which("dot")
    if not dot:
        return "gv", graph.source
    kind = subject.args.format
    if kind == "png":
        graph.graph_attr["dpi"] = str(subject.args.dpi)
    drawn = subprocess.run([dot, f"-T{kind}"], input=graph.source.encode(), capture_output=True)
    if drawn.returncode:
        raise UserError(f"Graphviz's dot failed: {drawn.stderr.decode(errors='replace')}")
    return kind, drawn.stdout


if __name__ == "__main__":
    run_script(main)
