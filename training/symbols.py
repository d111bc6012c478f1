"""Train the network that tells digits from signs, touching digits and other ink.

    python -m training.symbols --ink strokes.jsonl.gz --data-dir mnist/

It takes some minutes and writes checkpoints/symbols.pt. Signs and other ink are made by
`training.made_symbols`. Every sixth drawing, or every sixth writer where writers are known, is kept out of
training, and the accuracy is measured on examples made of these.
"""

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import pick_device
from common.messages import UserError, short
from data import add_data_arguments, load_training
from preprocessing.candidates import Place
from preprocessing.glyph import to_uint8
from preprocessing.stroke_files import StrokeSample, drawings
from recognition import symbols
from recognition.symbols import KINDS, SymbolNetwork, numbers_of
from training.made_symbols import Digit, make_example

CHUNK = 5_000  # examples that one process makes at a time
BATCH = 256
MAX_RATE = 4e-3
PLACE_NOISE = 0.02
LABEL_SMOOTHING = 0.02
HELD_OUT = 6  # every sixth writer or drawing

Examples = tuple[Tensor, Tensor, Tensor]  # glyphs uint8 (N, 1, 28, 28), places (N, 4), kinds (N,)


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    device = pick_device(args.device, args.threads)
    samples = [sample for path in args.ink for sample in drawings(path) if sample.label is not None]
    training, held_out = split(samples)
    if not training or not held_out:
        raise UserError(
            f"{short(args.ink[0])} has too few drawings with a label: at least {HELD_OUT} are needed"
        )
    torch.manual_seed(args.seed)
    workers = args.workers
    made = make(training, args.examples, args.seed, workers)
    made = tuple(torch.cat(pair) for pair in zip(made, mnist_digits(args), strict=True))
    network = SymbolNetwork().to(device)
    fit(network, tuple(part.to(device) for part in made), args.epochs)
    report(network.cpu().eval(), make(held_out, max(1, args.examples // 15), args.seed + 1, workers))
    symbols.save(args.output, network, {"examples": len(made[0]), "epochs": args.epochs, "seed": args.seed})
    print(f"written: {short(args.output)}")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Train the network that tells digits from signs and other ink.")
    add = parser.add_argument
    several = "strokes with labels, .jsonl or .jsonl.gz"
    add("--ink", type=Path, nargs="+", required=True, metavar="FILE", help=several)
    add("--examples", type=number(int, at_least=BATCH), default=180_000, help="made examples")
    add("--epochs", type=number(int, at_least=1), default=7, help="passes over the examples")
    add("--seed", type=number(int, at_least=0), default=0, help="of all random choices")
    add(
        "--workers", type=number(int, at_least=1), default=os.cpu_count(), help="processes that make examples"
    )
    add("--output", type=Path, default=symbols.WEIGHTS, metavar="FILE", help="weights to write")
    add_device_arguments(add)
    add_data_arguments(add)
    return parser.parse_args()


def split(samples: Sequence[StrokeSample]) -> tuple[list[Digit], list[Digit]]:
    """Divide drawings into those to train on and those held out, by writer where writers are known."""
    writers = list(dict.fromkeys(sample.writer for sample in samples))
    parts: tuple[list[Digit], list[Digit]] = ([], [])
    for number_, sample in enumerate(samples):
        turn = number_ if len(writers) < HELD_OUT else writers.index(sample.writer)
        strokes = [stroke for stroke in sample.strokes if len(stroke)]
        parts[turn % HELD_OUT == HELD_OUT - 1].append((sample.label, strokes))
    return parts


def make(digits: Sequence[Digit], count: int, seed: int, workers: int) -> Examples:
    """Make examples in several processes; the result depends on the seed alone."""
    sizes = [min(CHUNK, count - start) for start in range(0, count, CHUNK)]
    with ProcessPoolExecutor(workers) as pool:
        jobs = pool.map(partial(_make_chunk, digits), sizes, [(seed, chunk) for chunk in range(len(sizes))])
        chunks = list(tqdm(jobs, "making examples", len(sizes), unit=" chunks", leave=False))
    return tuple(torch.from_numpy(np.concatenate(parts)) for parts in zip(*chunks, strict=True))


def _make_chunk(
    digits: Sequence[Digit], count: int, seed: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    glyphs, places, kinds = np.empty((count, 1, 28, 28), np.uint8), np.empty((count, 4), np.float32), []
    while len(kinds) < count:
        if example := make_example(digits, rng):
            glyphs[len(kinds), 0], places[len(kinds)] = to_uint8(example.glyph), example.place
            kinds.append(example.kind)
    return glyphs, places, np.array(kinds)


def mnist_digits(args: argparse.Namespace) -> Examples:
    """Return half of MNIST's training digits as examples of digits at random places."""
    digits = load_training(args.dataset, args.data_dir)[0][::2]
    glyphs = digits.images
    rng = np.random.default_rng(args.seed)
    places = []
    for glyph in glyphs[:, 0].numpy() > 64:
        height, width = (np.ptp(np.flatnonzero(glyph.any(axis))) + 1 for axis in (1, 0))
        alone = rng.random() < 0.25
        line_height = height * (1.0 if alone else float(np.exp(rng.normal(0, 0.15))))
        offset = 0.0 if alone else float(rng.normal(0, 0.1))
        places.append(numbers_of(Place(width / line_height, height / line_height, offset, alone)))
    return glyphs, torch.from_numpy(np.stack(places)), digits.labels


def fit(network: SymbolNetwork, examples: Examples, epochs: int) -> None:
    """Train the network with AdamW and a one-cycle schedule."""
    glyphs, places, kinds = examples
    steps = len(kinds) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, MAX_RATE, epochs * steps, pct_start=0.15)
    noise = PLACE_NOISE * torch.tensor([1.0, 1.0, 1.0, 0.0], device=places.device)
    network.train()
    with tqdm(total=epochs * steps, desc="training", unit=" steps", leave=False) as bar:
        for _ in range(epochs):
            for batch in torch.randperm(len(kinds), device=kinds.device)[: steps * BATCH].split(BATCH):
                moved = places[batch] + noise * torch.randn(BATCH, 4, device=places.device)
                logits = network(glyphs[batch].float() / 255, moved)
                loss = functional.cross_entropy(logits, kinds[batch], label_smoothing=LABEL_SMOOTHING)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
                if bar.n % 50 == 0:
                    bar.set_postfix(loss=f"{loss.item():.3f}")


@torch.inference_mode()
def report(network: SymbolNetwork, examples: Examples) -> None:
    """Print how often each kind is recognised, and as what it is misread most often."""
    answers = [
        network(glyphs.float() / 255, places).argmax(1)
        for glyphs, places in zip(examples[0].split(1024), examples[1].split(1024), strict=True)
    ]
    answers, kinds = torch.cat(answers), examples[2]
    print(f"{(answers == kinds).float().mean():.2%} of {len(kinds):,} examples of people not trained on")
    for number_, name in enumerate(KINDS):
        mine = answers[kinds == number_]
        counts = torch.bincount(mine, minlength=len(KINDS))
        right = int(counts[number_])
        counts[number_] = 0
        mistaken = f", most often as {KINDS[int(counts.argmax())]}" if counts.any() else ""
        print(f"  {name:<11} {right:>6,} of {len(mine):>6,}{mistaken}")


if __name__ == "__main__":
    run_script(main)
