"""What `visualize.py` shows: weights, images and one digit, each read when a picture first needs it."""

import argparse
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from checkpointing import checkpoint, lookup
from checkpointing.checkpoint import Checkpoint
from common.device import pick_device
from common.messages import UserError, short
from data import LabelledImages, load_training
from model import ImprovedResNet18

if TYPE_CHECKING:
    from recognition.recognizer import Recognizer


@dataclass(frozen=True)
class Digit:
    """A digit and its reading.

    Attributes:
        glyph: float32, (28, 28), ink 1 on 0: what the network saw.
        probabilities: float32, one for each class.
        title: what it is and how it was read, in a few words.
    """

    glyph: np.ndarray
    probabilities: np.ndarray
    title: str


class Subject:
    """What the command line asks for; see `visualize.parse_arguments`."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.device = pick_device(args.device, args.threads)

    @cached_property
    def network(self) -> ImprovedResNet18:
        """The network of --checkpoint, else a new one."""
        return self.weights.model if self.args.checkpoint else ImprovedResNet18().eval()

    @cached_property
    def weights(self) -> Checkpoint:
        if self.args.image:
            return self._recognizer.checkpoint
        dataset = "digits" if self.args.dataset == "digits" else "mnist"
        return checkpoint.load(lookup.find(self.args.checkpoint, dataset), self.device)

    @cached_property
    def validation(self) -> LabelledImages:
        """The images to validate on, on the device. The test images are for test.py alone."""
        dataset = self.args.dataset
        if dataset == "auto" and self.weights.dataset == "digits":
            dataset = "digits"
        return load_training(dataset, self.args.data_dir)[1].to(self.device)

    @cached_property
    def digit(self) -> Digit:
        """The digit of --image, else the validation image of --index."""
        if self.args.image:
            return self._from_picture(self.args.image)
        return self._from_validation(self.args.index or 0)

    @cached_property
    def _recognizer(self) -> "Recognizer":
        from recognition.recognizer import (
            Recognizer,  # brings SciPy and scikit-image, which only --image needs
        )

        return Recognizer(self.args.checkpoint, self.device)

    def _from_picture(self, path: Path) -> Digit:
        from preprocessing.image_files import open_picture

        readings = self._recognizer.read_image(open_picture(path))
        if not readings:
            raise UserError(f"{short(path)} is blank: nothing to show")
        if len(readings) > 1:
            found = f"{short(path)}: {len(readings)} digits; the first is shown, crop the picture for another"
            print(found, file=sys.stderr)
        name = self.weights.class_names[readings[0].digit]
        title = f"A digit from a picture, read as {name}"
        if not readings[0].is_digit:
            title = f"Probably no digit; it is nearest to {name}"
        return Digit(readings[0].glyph, readings[0].probabilities, title)

    def _from_validation(self, index: int) -> Digit:
        weights, images = self.weights, self.validation
        if index >= len(images):
            raise UserError(f"--index {index}: the validation images are 0 to {len(images) - 1}")
        ink = images[index : index + 1].ink()
        with torch.inference_mode():
            logits = weights.model(ink)[0].cpu()
        truth, reading = (weights.class_names[k] for k in (images.labels[index], logits.argmax()))
        title = f"Validation image {index:,}: truth {truth}, read as {reading}"
        return Digit(ink[0, 0].cpu().numpy(), logits.softmax(0).numpy(), title)
