"""Measure the speed of reading: one digit, batches, 10,000 digits, and complete runs of `predict.py`.

    python -m benchmarks.inference
    python -m benchmarks.inference --photos photos/ --against ../older-version

All images are validation images, repeated if there are too few: the test images are for test.py alone.
Peak memory is measured on Linux and macOS.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.timing import describe_machine, seconds_of, spread, take_turns
from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import keep_freed_memory, pick_device
from common.files import PROJECT
from common.messages import UserError
from data import LabelledImages, add_data_arguments, load_training
from evaluation.metrics import compute_logits
from preprocessing.candidates import Candidate, Segmentation
from recognition.inputs import find_sources
from recognition.recognizer import Recognizer

BATCHES = [2**power for power in range(11)]
EVALUATED = 10_000  # the size of MNIST's test set
# The peak memory of a process includes that of the process that forked it, so a small one has to fork it.
WATCH = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) as process:
    times = [time.perf_counter() - start for line in process.stdout]
end = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([len(times), times[0] if times else end, end, peak]))
"""


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    keep_freed_memory()  # as test.py does
    device = pick_device(args.device, args.threads)
    recognizer = Recognizer(device=device)
    _, validation = load_training(args.dataset, args.data_dir)
    digits = validation[torch.arange(max(EVALUATED, *args.files)) % len(validation)]
    print(f"{describe_machine(device, None)}\nweights  {recognizer.checkpoint.describe()}\n")
    time_network(recognizer, digits[:EVALUATED].to(device), args)
    with tempfile.TemporaryDirectory() as folder:
        time_predict(digits, Path(folder), args)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure the speed of reading with the shipped weights.")
    add, count = parser.add_argument, number(int, at_least=1)
    add("--repeats", type=count, default=50, help="calls of the network with each batch")
    add("--runs", type=count, default=3, help="evaluations, and runs of predict.py with each folder")
    files = "pictures in each folder that predict.py reads (default: 100 1000 10000)"
    add("--files", type=count, nargs="*", default=[100, 1000, 10_000], metavar="N", help=files)
    add("--photos", type=Path, metavar="DIR", help="a folder of pictures that predict.py reads as well")
    other = "another version of the project, whose predict.py takes turns with this one's"
    add("--against", type=Path, metavar="DIR", help=other)
    add_data_arguments(add)
    add_device_arguments(add)
    args = parser.parse_args()
    if args.against and not (args.against / "predict.py").is_file():
        raise UserError(f"--against {args.against}: there is no predict.py")
    return args


def time_network(recognizer: Recognizer, digits: LabelledImages, args: argparse.Namespace) -> None:
    """Print the time of one reading, of batches of each size and of a complete evaluation."""
    model = recognizer.model
    calls = {"Recognizer.read, one digit": (1, partial(recognizer.read, [segmentation_of(digits)]))}
    for size in BATCHES:
        calls[f"network, batch of {size:,}"] = size, partial(forward, model, digits[:size].ink())
    evaluation = {f"{len(digits):,} validation digits": (len(digits), partial(compute_logits, model, digits))}
    print(f"{'':30}{'ms':>10}   {'range':20}{'digits/s':>12}", flush=True)
    print_calls(calls, args.repeats, recognizer.device)
    print_calls(evaluation, args.runs, recognizer.device)


def print_calls(
    calls: dict[str, tuple[int, Callable[[], object]]], repeats: int, device: torch.device
) -> None:
    """Time calls and print the results; `calls` has the number of digits that each call reads."""
    runs = {name: partial(milliseconds, call, device) for name, (_, call) in calls.items()}
    for name, values in take_turns(repeats, runs).items():
        digits, _ = calls[name]
        print(f"{name:30}{spread(values, ',.2f')}{1000 * digits / median(values):12,.0f}", flush=True)


def segmentation_of(digits: LabelledImages) -> Segmentation:
    """Return a page whose only candidate is the first of `digits`."""
    glyph = digits[:1].ink()[0, 0].cpu().numpy()
    return [[Candidate(0, 1, glyph, (0.0, 0.0, 28.0, 28.0))]]


def forward(model: nn.Module, ink: Tensor) -> None:
    """Run the network."""
    with torch.inference_mode():
        model(ink)


def milliseconds(call: Callable[[], object], device: torch.device) -> float:
    """Return the time of a call after an untimed one, which fills the caches."""
    call()
    return 1000 * seconds_of(call, device)


def time_predict(digits: LabelledImages, folder: Path, args: argparse.Namespace) -> None:
    """Print the time and the peak memory of runs of predict.py with one picture and with many."""
    flags = ["--device", args.device, *(["--threads", str(args.threads)] if args.threads else [])]
    inputs = {}
    for count in sorted({1, *args.files}):
        inputs[f"{count:,} files"] = folder / str(count), count
        write_pictures(digits[:count], folder / str(count))
    if args.photos:
        count = len(find_sources([str(args.photos)]))
        inputs[f"{count:,} photos"] = args.photos.resolve(), count
    versions = {"predict.py": PROJECT} | ({"the other": args.against.resolve()} if args.against else {})
    calls = {
        f"{version}, {name}": (count, partial(predict, project, pictures, count, flags))
        for name, (pictures, count) in inputs.items()
        for version, project in versions.items()
    }
    print(
        f"\n{'':30}{'seconds':>10}   {'range':20}{'files/s':>12}{'first at':>12}{'peak MB':>12}", flush=True
    )
    for name, results in take_turns(args.runs, {name: call for name, (_, call) in calls.items()}).items():
        count, _ = calls[name]
        firsts, seconds, peaks = zip(*results, strict=True)
        speed = f"{count / median(seconds):12,.1f}{median(firsts):12.2f}{median(peaks):12,.0f}"
        print(f"{name:30}{spread(seconds, ',.2f')}{speed}")


def write_pictures(digits: LabelledImages, folder: Path) -> None:
    """Write each image as a PNG."""
    folder.mkdir()
    for place, image in enumerate(digits.images[:, 0].numpy()):
        Image.fromarray(image).save(folder / f"{place:05}.png")


def predict(project: Path, folder: Path, count: int, flags: list[str]) -> tuple[float, float, float]:
    """Run a project's predict.py.

    Returns:
        The seconds to the first reading and to the end, and the peak memory of a process in MB.

    Raises:
        UserError: if not all `count` pictures were read.
    """
    command = [sys.executable, "-c", WATCH, sys.executable, "predict.py", folder, *flags]
    report = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=project).stdout
    read, first, end, peak = json.loads(report)
    if read != count:
        raise UserError(f"predict.py read only {read:,} of {count:,} pictures")
    return first, end, peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, else KiB


if __name__ == "__main__":
    run_script(main)
