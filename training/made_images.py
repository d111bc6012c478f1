"""Images that a program makes for each epoch: digits where hands differ, and what is no digit."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data import LabelledImages
from training.extra_digits import ExtraDigits
from training.made_digits import make_digit
from training.non_digits import NonDigits, load_characters
from training.stroke_augmentation import Variation


@dataclass(frozen=True)
class MadeImages:
    """What an epoch shows beside digits that people wrote.

    Attributes:
        digits: number of made digits in an epoch.
        non_digits: number of images in an epoch that are no digits.
        maker: makes them.
    """

    digits: int
    non_digits: int
    maker: NonDigits

    @classmethod
    def load(
        cls, digits: int, non_digits: int, characters: list[Path], extra: ExtraDigits | None
    ) -> "MadeImages":
        """Return what makes the images, from parts of other people's digits and from other characters.

        Args:
            digits, non_digits: as in the class.
            characters: files for `load_characters`.
            extra: other people's digits; parts and groups of their strokes are no digits.

        Raises:
            UserError: if a file of characters cannot be used.
        """
        drawings = [(drawing.label, drawing.strokes) for drawing in extra.drawings] if extra else []
        return cls(digits, non_digits, NonDigits(load_characters(characters), drawings))

    def __len__(self) -> int:
        return self.digits + self.non_digits

    def draw(self, images: LabelledImages, rng: np.random.Generator) -> LabelledImages:
        """Make the images of an epoch, on the CPU: the digits, then what is none, with the label NO_DIGIT.

        Args:
            images: MNIST's images, on the CPU.
            rng: source of all random choices.
        """
        made = [make_digit(rng) for _ in range(self.digits)]
        glyphs = Variation().draw_all((strokes for _, strokes in made), rng)
        labels = torch.tensor([label for label, _ in made], dtype=torch.int64)
        digits = LabelledImages(glyphs, labels, "ink")
        return digits.followed_by(self.maker.draw(self.non_digits, images, rng))
