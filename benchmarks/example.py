"""Train a reimplementation of PyTorch's MNIST example: PIL pictures through a DataLoader.

    python -m benchmarks.example --epochs 3

The network and its hyperparameters are those of the source; the images are this project's 48,000 and 12,000,
and each epoch prints a line like `train.py`'s.

Source: https://github.com/pytorch/examples/tree/main/mnist
"""

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import pick_device
from common.download import import_torchvision
from data import LabelledImages, add_data_arguments, load_training
from model import MNIST_MEAN, MNIST_STD

BATCH, VALIDATION_BATCH = 64, 1000


class Pictures(Dataset):
    """Digits as PIL pictures, each transformed whenever it is indexed."""

    def __init__(self, digits: LabelledImages, transform: Callable[[Image.Image], Tensor]) -> None:
        """Wrap a set of digits.

        Args:
            digits: the images and their labels.
            transform: from a picture of mode "L" to a tensor.
        """
        self.images, self.labels = digits.images[:, 0].numpy(), digits.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def example_network() -> nn.Sequential:
    """Return a network of two convolutions and two linear layers, with 1,199,882 parameters."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()),
        *(nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)),
    )


def main() -> int:
    """Train, print a line for each epoch, and return the exit status."""
    args = parse_arguments()
    device = pick_device(args.device, args.threads)
    torch.manual_seed(args.seed)
    train, validation = load_training(args.dataset, args.data_dir)
    train, validation = load(train, BATCH, shuffle=True), load(validation, VALIDATION_BATCH)
    network = example_network().to(device)
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(1, args.epochs + 1):
        start = time.perf_counter()
        train_epoch(network, optimizer, train, device)
        rate = len(train.dataset) / (time.perf_counter() - start)
        errors, images = count_errors(network, validation, device), len(validation.dataset)
        schedule.step()
        print(
            f"epoch {epoch}/{args.epochs}  val errors {errors:,} of {images:,}  {rate:,.0f} img/s", flush=True
        )
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Train a stand-in for PyTorch's MNIST example.")
    add = parser.add_argument
    add("--epochs", type=number(int, at_least=1), default=14, help="passes over the training images")
    add("--seed", type=number(int, at_least=0, below=2**63), default=0, help="of weights, order and dropout")
    add_data_arguments(add)
    add_device_arguments(add)
    return parser.parse_args()


def load(digits: LabelledImages, batch_size: int, shuffle: bool = False) -> DataLoader:
    """Return batches of normalised images, float32 (N, 1, 28, 28), and labels, int64 (N,)."""
    transforms = import_torchvision().transforms
    normalised = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MNIST_MEAN, MNIST_STD)])
    return DataLoader(Pictures(digits, normalised), batch_size, shuffle)


def train_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, batches: DataLoader, device: torch.device
) -> None:
    """Train for one pass over the batches."""
    network.train()
    for ink, labels in batches:
        optimizer.zero_grad()
        F.cross_entropy(network(ink.to(device)), labels.to(device)).backward()
        optimizer.step()


def count_errors(network: nn.Module, batches: DataLoader, device: torch.device) -> int:
    """Return how many images are classified wrongly."""
    network.eval()
    with torch.no_grad():
        return sum(int((network(ink.to(device)).argmax(1).cpu() != labels).sum()) for ink, labels in batches)


if __name__ == "__main__":
    run_script(main)
