"""Export weights to a file that reads digits without this project: ONNX, or torch.export's .pt2.

python export.py                                            the ink weights, to improved_resnet18.onnx
python export.py --checkpoint newest --output mine.onnx     your own weights
python export.py --quantize --output small.onnx             in int8: a quarter of the size
python export.py --format pt2                               for torch.export.load
python export.py --symbols                                  the network of signs, to symbols.onnx

The file takes ink, float32 (N, 1, 28, 28), and returns logits, features and, if the weights are calibrated,
the novelty; its metadata says what they mean. That of the signs also takes the place of the ink in its line,
float32 (N, 4). A file is written only if it reads as the weights do.
"""

import common.startup  # noqa: F401 - first: for the time in which the rest is imported

import argparse
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from checkpointing import archive, checkpoint, lookup
from checkpointing.exported import EXAMPLE, NetworkWithNovelty, network_to_onnx, quantized, to_onnx, to_pt2
from common.cli import ArgumentParser, add_device_arguments, run_script
from common.device import pick_device
from common.download import MnistMissing
from common.files import write_atomically
from common.messages import UserError, short
from data import LabelledImages, load_training
from preprocessing.glyph import draw_strokes
from recognition import symbols

FORMATS = ("onnx", "pt2")
CHECKED = 1000  # images on which the exported network is compared with the original
LIMITS = {"probabilities": 1e-4, "features": 1e-3, "novelties": 1e-3}  # of their differences
CALIBRATED_ON = 1000  # training images that set the ranges of int8
MAX_LOST = 5  # validation images that int8 may misread in addition
BATCH = 100
CPU = torch.device("cpu")
SYMBOLS_MEANING = {
    "input": "ink: float32 (N, 1, 28, 28), as for the network of digits; places: float32 (N, 4): logarithms "
    "of height and width relative to the line's digits, offset below their middle, 1 if there are none",
    "logits": "float32 (N, classes): softmax gives probabilities",
    "licence": "MIT",
}

Network = Callable[..., list[np.ndarray]]  # ink to logits, features and, if calibrated, novelty


def main() -> int:
    """Export as the command line says; return the exit status."""
    args = parse_arguments()
    device = pick_device(args.device, args.threads)
    if args.symbols:
        return export_symbols(args)
    path = lookup.find(args.checkpoint)
    weights = checkpoint.load(path)
    print(f"Weights: {weights.describe()}", file=sys.stderr)
    if args.format == "pt2":
        content = to_pt2(weights)
        exported = torch_network(torch.export.load(io.BytesIO(content)).module(), CPU)
    else:
        content = to_onnx(weights)
        exported = onnx_network(content, args.threads)
    original = torch_network(NetworkWithNovelty(checkpoint.load(path, device)), device)
    print(f"Verified: {compare(original, exported, weights.dataset, args.data_dir)}", file=sys.stderr)
    if args.quantize:
        train, validation = load_training(weights.dataset, args.data_dir)
        images = train[:: max(1, len(train) // CALIBRATED_ON)].batches(BATCH)
        content = quantized(weights, content, (batch.ink().numpy() for batch in images))
        after = onnx_network(content, args.threads)
        print(f"Verified: {compare_errors(exported, after, validation)}", file=sys.stderr)
    write(args.output, content)
    return 0


def write(path: Path, content: bytes) -> None:
    """Write a file and say so."""
    write_atomically(path, content)
    print(f"Written: {short(path)} ({len(content) / 1e6:.2f} MB)")


def export_symbols(args: argparse.Namespace) -> int:
    """Export the symbol network, verified on made glyphs; return the exit status."""
    network, sha256 = symbols.load(), archive.read(symbols.WEIGHTS, symbols.KIND)[1]
    about = {
        "architecture": type(network).__name__,
        "class_names": json.dumps(symbols.KINDS),
        "checkpoint_sha256": sha256,
        **SYMBOLS_MEANING,
    }
    inputs = {"ink": EXAMPLE, "places": torch.zeros(len(EXAMPLE), symbols.PLACE)}
    content = network_to_onnx(network, inputs, ["logits"], about)
    places = np.random.default_rng(0).uniform(-2, 2, (CHECKED, symbols.PLACE)).astype(np.float32)
    made = (made_glyphs(CHECKED), places)
    original, exported = torch_network(network, CPU), onnx_network(content, args.threads)
    print(f"Verified: {compare_on(made, 'made glyphs', original, exported)}", file=sys.stderr)
    write(args.output, content)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; raise UserError if what it asks for cannot be had."""
    parser = ArgumentParser("Export weights for ONNX Runtime or torch.export, and verify the file.")
    add = parser.add_argument
    where = "weights to export: a file, newest, shipped or ink"
    which = parser.add_mutually_exclusive_group().add_argument
    which("--checkpoint", metavar="FILE", default="ink", help=where)
    what = "export the network that tells signs from digits instead (onnx only)"
    which("--symbols", action="store_true", help=what)
    add("--format", choices=FORMATS, default="onnx", help="of the file: ONNX, or torch.export's")
    where = (
        "the file to write (default: improved_resnet18 or symbols and the format's suffix, in this folder)"
    )
    add("--output", type=Path, metavar="FILE", help=where)
    how = "in int8, calibrated on training images: a quarter of the size, faster with VNNI (onnx only)"
    add("--quantize", action="store_true", help=how)
    where = "where MNIST is, or is to be downloaded to (default: $MNIST_DIR, else data/)"
    add("--data-dir", type=Path, metavar="DIR", help=where)
    add_device_arguments(add)
    args = parser.parse_args()
    name = "symbols" if args.symbols else "improved_resnet18"
    args.output = args.output or Path(f"{name}.{args.format}")
    if args.output.is_dir():
        raise UserError(f"{short(args.output)} is a folder: --output takes the name of a file")
    if args.symbols and args.quantize:
        raise UserError("--quantize is for the network of digits: leave out --symbols")
    if args.format == "pt2":
        for flag in ("quantize", "symbols"):
            if getattr(args, flag):
                raise UserError(f"--{flag} needs --format onnx")
        return args
    for name in ("onnx", "onnxscript", "onnxruntime"):
        if not find_spec(name):
            raise UserError(
                f"no package {name}, which ONNX needs: pip install -r requirements-export.txt, or use "
                "--format pt2"
            )
    return args


def torch_network(module: nn.Module, device: torch.device) -> Network:
    """Return a module of PyTorch as a function of arrays."""

    def read(*inputs: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            outputs = module(*(torch.from_numpy(value).to(device) for value in inputs))
        return [output.cpu().numpy() for output in ([outputs] if torch.is_tensor(outputs) else outputs)]

    return read


def onnx_network(content: bytes, threads: int | None) -> Network:
    """Return the network of an ONNX file as a function of arrays, computed by ONNX Runtime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: its own choice
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return lambda *inputs: session.run(None, dict(zip(names, inputs, strict=True)))


def compare(original: Network, exported: Network, dataset: str, data_dir: Path | None) -> str:
    """Compare two networks on validation images or, where MNIST is missing, on made glyphs.

    Args:
        original, exported: the networks.
        dataset: "mnist" or "digits".
        data_dir: as for `data.load_training`.

    Returns:
        The result in words.

    Raises:
        UserError: if the exported network reads differently.
    """
    try:
        ink, what = load_training(dataset, data_dir)[1][:CHECKED].ink().numpy(), "validation images"
    except MnistMissing:
        ink, what = made_glyphs(CHECKED), "made glyphs (no MNIST here)"
    return compare_on((ink,), what, original, exported)


def compare_on(inputs: Sequence[np.ndarray], what: str, original: Network, exported: Network) -> str:
    """Compare two networks.

    Args:
        inputs: of the networks, float32 (N, ...) each.
        what: what the inputs are, in words.
        original, exported: the networks.

    Returns, Raises as `compare`.
    """
    first, second = (outputs_of(network, *inputs) for network in (original, exported))
    probabilities = [torch.from_numpy(outputs[0]).softmax(1).numpy() for outputs in (first, second)]
    changed = int((probabilities[0].argmax(1) != probabilities[1].argmax(1)).sum())
    # Uncalibrated weights have no novelties, and the network of signs has logits alone.
    pairs = [probabilities, *zip(first[1:], second[1:], strict=True)]
    differences = {name: float(np.abs(a - b).max()) for name, (a, b) in zip(LIMITS, pairs, strict=False)}
    by = ", ".join(f"{name} by {difference:.1e}" for name, difference in differences.items())
    result = f"{len(inputs[0]):,} {what}, {changed} read differently; largest differences: {by}"
    # Written so that NaN fails.
    if changed or not all(differences[name] < LIMITS[name] for name in differences):
        raise UserError(
            f"nothing is written, since the exported network reads differently: of {result}; install the "
            "versions in requirements.txt and requirements-export.txt"
        )
    return result


def compare_errors(before: Network, after: Network, validation: LabelledImages) -> str:
    """Compare the errors and the speed of two networks on labelled images.

    Returns:
        The result in words.

    Raises:
        UserError: if the second network misreads over 5 more than the first.
    """
    ink, labels = validation.ink().numpy(), validation.labels.numpy()
    errors, seconds = [], []
    for network in (before, after):
        started = time.perf_counter()
        logits = outputs_of(network, ink)[0]
        seconds.append(time.perf_counter() - started)
        errors.append(int((logits.argmax(1) != labels).sum()))
    result = (
        f"of {len(ink):,} validation images, float32 misreads {errors[0]:,} in {seconds[0]:.1f} s, "
        f"int8 {errors[1]:,} in {seconds[1]:.1f} s"
    )
    if errors[1] > errors[0] + MAX_LOST:
        raise UserError(f"nothing is written, since too many are lost ({result}): leave out --quantize")
    return result


def outputs_of(network: Network, *inputs: np.ndarray) -> list[np.ndarray]:
    """Return a network's outputs, read in batches of two sizes: one glyph, then 100 at a time."""
    batches = list(zip(*(np.split(value, range(1, len(value), BATCH)) for value in inputs), strict=True))
    outputs = [network(*batch) for batch in tqdm(batches, unit=" batches", disable=None, leave=False)]
    return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]


def made_glyphs(count: int) -> np.ndarray:
    """Return glyphs of random strokes, always the same: float32, (count, 1, 28, 28), in [0, 1]."""
    rng = np.random.default_rng(0)
    glyphs = []
    for _ in range(count):
        turns = rng.normal(0, 0.5, (12, 2)).cumsum(0)  # a pen that changes its direction little by little
        stroke = (rng.normal(0, 1, 2) + turns).cumsum(0)
        glyphs.append(draw_strokes([stroke], (*stroke.min(0), *stroke.max(0))))
    return np.stack(glyphs)[:, None]


if __name__ == "__main__":
    run_script(main)
