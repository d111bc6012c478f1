"""Tell digits from signs, from several digits that touch, and from what is neither.

The digit network knows ten classes and finds a digit in everything. `SymbolNetwork` is a small second network
that looks at the same glyph and at its size and place in the line, and says what kind of thing it is. It has
seen digits that were cut from their neighbours, so it also has a say on which digit such a part is.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from checkpointing import archive
from common.files import PROJECT
from preprocessing.candidates import Place

SIGNS = ("+", "-", "x", "÷", "=", "(", ")", "/", ".", ",", ":", "%")
CROSSED_OUT = "crossed out"
DIGITS = tuple("0123456789")
KINDS = (*DIGITS, *SIGNS, "several", CROSSED_OUT, "other")
PLACE = 4  # numbers that describe the size and place of a glyph
KIND = "symbol network"  # of the file of weights
WEIGHTS = PROJECT / "checkpoints" / "symbols.pt"


class SymbolNetwork(nn.Module):
    """A small convolutional network over a glyph and its place.

    Shapes:
        glyphs: float32, (N, 1, 28, 28), ink 1 on 0.
        places: float32, (N, 4), from `numbers_of`.
        output: logits, float32, (N, len(KINDS)).
    """

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
            )

        self.layers = nn.Sequential(
            block(1, 16), nn.MaxPool2d(2), block(16, 32), nn.MaxPool2d(2), block(32, 48), nn.MaxPool2d(2)
        )
        self.hidden = nn.Linear(48 * 9 + 32, 96)
        self.place = nn.Linear(PLACE, 32)
        self.output = nn.Linear(96, len(KINDS))

    def forward(self, glyphs: Tensor, places: Tensor) -> Tensor:
        """Return logits, (N, kinds), one for each of KINDS.

        Args:
            glyphs: float32, (N, 1, 28, 28), ink 1 on 0.
            places: float32, (N, PLACE), from `numbers_of`.
        """
        features = self.layers(glyphs).flatten(1)
        both = torch.cat([features, functional.relu(self.place(places))], 1)
        return self.output(functional.relu(self.hidden(both)))


def numbers_of(place: Place) -> np.ndarray:
    """Return a place as the network's input.

    Returns:
        float32, (4,): logarithms of height and width relative to the line, the offset relative to it, and 1
        if nothing else shows how high the line's digits are.
    """
    relative = np.log(np.clip([place.height, place.width], 0.02, 8))
    return np.array([*relative, np.clip(place.offset, -2, 2), place.alone], np.float32)


def save(path: Path, network: SymbolNetwork, training: dict[str, int]) -> None:
    """Write a network's weights in half precision.

    Args:
        path: the file to write.
        network: on the CPU.
        training: how it was trained.

    Raises:
        UserError: if the file cannot be written; `path` is then unchanged.
    """
    archive.write_network(path, KIND, network, {"kinds": list(KINDS), "training": training})


def load(path: Path = WEIGHTS) -> SymbolNetwork:
    """Return a network that `save` wrote, in evaluation mode.

    Raises:
        CheckpointError: if the file is missing, damaged, or holds something else.
    """
    return archive.read_network(path, KIND, SymbolNetwork())
