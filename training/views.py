"""Views: what training shows of the images, and in which order.

All random numbers follow from a seed and the number of an epoch or a step. So a resumed run needs no saved
random state, several processes choose the same batch and distortions without communication, and what a
committee says of each view can be computed before training.
"""

import numpy as np
import torch
from torch import Tensor

from training.augmentation import Distortion
from training.recipe import Recipe

CPU = torch.device("cpu")
# Purposes of random numbers, in the keys of their seeds.
ORDER, DISTORTION, DROPOUT, EXTRA_DIGITS, MADE = range(5)


def derive_seed(seed: int, *key: int) -> int:
    """Return a seed for random numbers that are independent of those with another `key`."""
    return int(np.random.SeedSequence((seed, *key)).generate_state(1, np.uint64)[0])


def order_of_epoch(recipe: Recipe, epoch: int, count: int) -> Tensor:
    """Return the order in which an epoch shows `count` images: int64, (count,), on the CPU."""
    seed = derive_seed(recipe.seed_of_views, ORDER, epoch)
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def distortion_of_step(recipe: Recipe, number: int, count: int, device: torch.device) -> Distortion:
    """Draw the distortion of a step.

    Args:
        recipe: the recipe.
        number: of the step, counted over all epochs.
        count: images in the step.
        device: where to draw. Other kinds of device give other numbers.

    Returns:
        The parameters for each image, on `device`.
    """
    seed = derive_seed(recipe.seed_of_views, DISTORTION, number)
    return recipe.augmentation.draw(count, torch.Generator(device).manual_seed(seed))
