"""Train the ink network on made pages: `python -m training.ink_network --ink strokes.jsonl.gz`."""

import argparse
import copy
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from checkpointing import archive
from common.cli import ArgumentParser, number, run_script
from common.device import keep_freed_memory
from common.messages import UserError, short
from data import add_data_arguments, load_training
from pages.ink_network import InkNetwork, save
from preprocessing.stroke_files import StrokeSample, drawings
from training.arguments import pick_autocast
from training.made_pages.handwriting import Hands
from training.made_pages.layouts import KINDS
from training.made_pages.page_maker import NO_HEIGHT, MadePage, make_page

SMALL_SIDE, SIDE = 192, 256  # of the pages in pixels
SMALL_SHARE = 0.6  # of the steps, on small pages
HELD_OUT = 0.2  # share of the writers whose pages are for choosing only
NEW_SHARE = 0.25  # of a batch; the other pages were shown before
INVERTED = 0.2  # share of those whose light and dark are exchanged
REPLAYED = 1024  # pages that are kept to be shown again
VALIDATION = 12  # pages of each kind
SAVED_EVERY = 200  # steps
STATE = "ink network in training"
HEIGHT_WEIGHT = 0.4  # of the error of heights in the loss
DECAY = 0.998  # of the moving average of the weights
CROPS_RATE = 0.4  # of the learning rate in the steps with pages cut close
CROPS_SHARE = 0.5  # of the pages in these steps


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    learning, choosing = load_hands(args)
    try:
        average = train(learning, args)
    except KeyboardInterrupt:
        print("\nTo go on, give the same flags and --resume.", file=sys.stderr)
        raise
    save(
        args.output,
        average,
        {"seed": args.seed, "steps": args.steps, "crop_steps": args.crop_steps, "batch": args.batch},
    )
    print(f"{short(args.output)} written\n")
    report(average, choosing)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Train the network that tells what a pen wrote from everything else on a page.")
    add = parser.add_argument
    add(
        "--ink",
        type=Path,
        required=True,
        metavar="FILE",
        help="strokes with labels and writers, .jsonl or .jsonl.gz",
    )
    add(
        "--output",
        type=Path,
        default=Path("checkpoints/ink_network.pt"),
        metavar="FILE",
        help="where to write",
    )
    add("--steps", type=number(int, at_least=1), default=8000, help="of the optimizer")
    crops = "further steps, from the average of the weights, half of them on pages cut close to the writing"
    add("--crop-steps", type=number(int, at_least=0), default=3500, help=crops)
    add("--batch", type=number(int, at_least=2), default=16, help="pages in a step")
    add("--rate", type=number(float, above=0), default=3e-3, help="peak learning rate")
    add("--seed", type=number(int, at_least=0), default=0, help="of weights and pages")
    add("--threads", type=number(int, at_least=1), default=1, help="CPU threads of the training itself")
    add("--workers", type=number(int, at_least=0), default=1, help="processes that make pages")
    add("--resume", action="store_true", help="go on where an interrupted training stopped")
    add_data_arguments(add)
    return parser.parse_args()


def load_hands(args: argparse.Namespace) -> tuple[Hands, Hands]:
    """Return the hands to learn from and those to choose with: other writers, other images of MNIST.

    Raises:
        UserError: if the strokes lack labels or writers.
    """
    by_writer: dict[int | str, dict[int, list[StrokeSample]]] = {}
    for drawing in drawings(args.ink):
        if drawing.label is None or drawing.writer is None:
            raise UserError(f"{short(args.ink)} has strokes without label or writer: both are needed")
        by_writer.setdefault(drawing.writer, {}).setdefault(drawing.label, []).append(drawing)
    by_writer = {writer: found for writer, found in by_writer.items() if len(found) == 10}
    writers = sorted(by_writer, key=str)
    if len(writers) < 2:
        raise UserError(f"{short(args.ink)} has fewer than two writers of all ten digits")
    held = writers[:: round(1 / HELD_OUT)]
    sets = load_training(args.dataset, args.data_dir)
    hands = []
    for chosen, images in zip(([w for w in writers if w not in held], held), sets, strict=True):
        pixels, labels = images.images.numpy().reshape(-1, 28, 28), images.labels.numpy()
        hands.append(Hands({writer: by_writer[writer] for writer in chosen}, pixels, labels))
    return hands[0], hands[1]


class MadePages(Dataset):
    """Pages by number, each made when it is asked for.

    Args:
        hands: that write them.
        numbers: of the pages; each page follows from its number and the seed.
        args: from `parse_arguments`.
    """

    def __init__(self, hands: Hands, numbers: Sequence[int], args: argparse.Namespace) -> None:
        self.hands, self.numbers, self.args = hands, numbers, args

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        number = self.numbers[index]
        step, steps = number // new_pages(self.args), self.args.steps
        crop = step >= steps and number % round(1 / CROPS_SHARE) == 0
        return as_tensors(make_page(self.hands, (self.args.seed, number), side(step, steps), crop=crop))


def new_pages(args: argparse.Namespace) -> int:
    """Return how many pages of a batch were not shown before."""
    return max(1, round(NEW_SHARE * args.batch))


def side(step: int, steps: int) -> int:
    """Return the side of the pages at a step, in pixels: small ones first, and those cut close."""
    return SIDE if SMALL_SHARE * steps <= step < steps else SMALL_SIDE


def rate(step: int, args: argparse.Namespace) -> float:
    """Return the learning rate at a step: twice a short rise and a cosine to 0."""
    first = step < args.steps
    step, steps = (step, args.steps) if first else (step - args.steps, args.crop_steps)
    peak = args.rate * (1 if first else CROPS_RATE)
    return peak * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps))


def as_tensors(page: MadePage) -> tuple[Tensor, Tensor, Tensor]:
    """Return picture, uint8 (3, S, S); target and whether it counts, uint8 (2, S, S); heights, float32."""
    picture = torch.from_numpy(page.picture).permute(2, 0, 1).contiguous()
    target = torch.from_numpy(np.stack([page.target, page.counted.astype(np.uint8)]))
    return picture, target, torch.from_numpy(page.heights)


def batches(hands: Hands, args: argparse.Namespace, start: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the batch of each step from `start` on: new pages and pages that were shown before.

    Those shown before are turned or mirrored, and some are inverted. The batches depend on the seed and the
    step alone: to go on from a step, the pages shown before it are made again.
    """
    new = new_pages(args)
    first = max(0, start - REPLAYED // new)
    pages = MadePages(hands, range(first * new, (args.steps + args.crop_steps) * new), args)
    ahead = 16 if args.workers else None
    loader = DataLoader(pages, batch_size=new, num_workers=args.workers, prefetch_factor=ahead)
    kept: list[tuple[Tensor, ...]] = []
    for step, fresh in enumerate(loader, first):
        if kept and kept[0][0].shape[-1] != fresh[0].shape[-1]:
            kept = []
        rng = np.random.default_rng((args.seed, step, 1))
        old = [kept[i] for i in rng.permutation(len(kept))[: args.batch - new]]
        kept = [*kept, *zip(*fresh, strict=True)][-REPLAYED:]
        if step < start:
            continue
        if old:
            again = turned([torch.stack(parts) for parts in zip(*old, strict=True)], int(rng.integers(8)))
            again[0] = torch.where(
                torch.from_numpy(rng.random(len(old)) < INVERTED)[:, None, None, None],
                255 - again[0],
                again[0],
            )
            fresh = [torch.cat(parts) for parts in zip(fresh, again, strict=True)]
        pictures, targets, heights = fresh
        yield pictures[:, torch.from_numpy(rng.permutation(3))], targets, heights


def turned(parts: list[Tensor], way: int) -> list[Tensor]:
    """Return pictures and maps turned by quarter turns and mirrored in one of eight ways.

    Args:
        parts: each (..., S, S).
        way: 0 to 7.
    """
    parts = [torch.rot90(part, way % 4, (-2, -1)) for part in parts]
    return [part.flip(-1) for part in parts] if way >= 4 else parts


def train(hands: Hands, args: argparse.Namespace) -> InkNetwork:
    """Train a network and return the moving average of its weights.

    Raises:
        UserError: if `args.resume` is set and there is no state to go on from.
    """
    torch.manual_seed(args.seed)
    network = InkNetwork().to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval()
    optimizer = make_optimizer(network)
    state_file = args.output.with_name(f"{args.output.stem}.state.pt")
    start = 0
    if args.resume:
        state, _ = archive.read(state_file, STATE)
        start = state["step"]
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
    precision = pick_autocast("auto", torch.device("cpu"))
    losses: list[float] = []
    total = args.steps + args.crop_steps
    bar = tqdm(batches(hands, args, start), initial=start, total=total, disable=None)
    for step, (pictures, targets, heights) in enumerate(bar, start):
        if step == args.steps:
            network.load_state_dict(average.state_dict())
            optimizer = make_optimizer(network)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, args)
        pictures = (pictures.float() / 255).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", precision, enabled=precision is not None):
            logits, found = network(pictures)
        loss = loss_of(logits.float(), found.float(), targets, heights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        update(average, network, min(DECAY, (step + 1) / (step + 10)))
        losses.append(loss.item())
        if (step + 1) % SAVED_EVERY == 0:
            bar.write(f"step {step + 1}: loss {np.mean(losses):.4f}")
            losses = []
            content = {"network": network.state_dict(), "average": average.state_dict()}
            archive.write(
                state_file, STATE, {**content, "optimizer": optimizer.state_dict(), "step": step + 1}
            )
    state_file.unlink(missing_ok=True)
    return average


def make_optimizer(network: InkNetwork) -> torch.optim.Optimizer:
    """Return a new AdamW; its learning rate is set in each step."""
    return torch.optim.AdamW(network.parameters(), weight_decay=0.01)


def loss_of(logits: Tensor, heights: Tensor, targets: Tensor, true_heights: Tensor) -> Tensor:
    """Return the weighted sum of cross-entropy and overlap (Dice) of the ink, and of the error of heights.

    Args:
        logits: of ink, (N, S, S).
        heights: log2 of the digits' height in pixels, (N, S / HEIGHT_STEP, S / HEIGHT_STEP).
        targets: uint8, (N, 2, S, S): the ink, 255 for full, and 1 where it counts.
        true_heights: as `heights`; at most NO_HEIGHT where there is no ink.

    Returns:
        A scalar.
    """
    ink, counted = targets[:, 0].float() / 255, targets[:, 1].float()
    entropy = functional.binary_cross_entropy_with_logits(logits, ink, weight=counted * (1 + ink))
    found = logits.sigmoid() * counted
    each = (1, 2)
    overlap = (2 * (found * ink).sum(each) + 60) / ((found + ink * counted).sum(each) + 60)
    written = true_heights > NO_HEIGHT
    error = functional.smooth_l1_loss(heights[written], true_heights[written]) if written.any() else 0.0
    return 4 * entropy + 0.5 * (1 - overlap).mean() + HEIGHT_WEIGHT * error


@torch.no_grad()
def update(average: InkNetwork, network: InkNetwork, decay: float) -> None:
    """Move the average's weights and statistics towards those of the network, in place."""
    for old, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)


def report(network: InkNetwork, hands: Hands) -> None:
    """Print the F1 of ink pixels and the error of heights on pages of unseen writers, by kind."""
    print("| kind | F1 of pixels | precision | recall | heights a quarter off |\n|---|---:|---:|---:|---:|")
    total = np.zeros(5)
    for number_, kind in enumerate(KINDS):
        counts = np.zeros(5)
        for index in range(VALIDATION):
            counts += measure(network, make_page(hands, (10**6, number_, index), SIDE, kind))
        total += counts
        print(_row(kind, counts))
    print(_row("all", total))


def measure(network: InkNetwork, page: MadePage) -> np.ndarray:
    """Return the pixels found right, found, and to be found, and the heights that are off and all heights."""
    picture, _, _ = as_tensors(page)
    with torch.inference_mode():
        logits, found_heights = network(picture[None].float() / 255)
    found, ink = logits[0].numpy() > 0, page.target > 127
    found, ink = found & page.counted, ink & page.counted
    written = page.heights > NO_HEIGHT
    off = np.abs(found_heights[0].numpy() - page.heights)[written] > math.log2(1.25)
    return np.array([(found & ink).sum(), found.sum(), ink.sum(), off.sum(), written.sum()], float)


def _row(name: str, counts: np.ndarray) -> str:
    right, found, ink, off, cells = counts
    shares = (
        2 * right / max(found + ink, 1),
        right / max(found, 1),
        right / max(ink, 1),
        off / max(cells, 1),
    )
    return f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |"


if __name__ == "__main__":
    run_script(main)
