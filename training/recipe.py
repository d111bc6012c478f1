"""The recipes: every number that decides what a run learns, apart from the images.

`train.py --recipe NAME` takes one of `RECIPES`, and any flag overrides a number of it. How they were found
is told in docs/recipe.md.
"""

from dataclasses import dataclass, field

from training.augmentation import Augmentation


@dataclass(frozen=True)
class Recipe:
    """The numbers of a run; the defaults are those of the recipe "default".

    Attributes:
        batch_size: images a step, over all processes together.
        optimizer: one of `optimizer.OPTIMIZERS`.
        lr: peak learning rate of the one-cycle schedule.
        weight_decay: of convolutions and the linear layer's weights (L2; decoupled where Muon makes the
            steps); not of batch norm and biases.
        dropout: of the pooled features, in training.
        ema: decay per step of the moving average of the weights, which is what is validated and saved.
        ink_weight: how often each of other people's digits, if any are added, is seen in an epoch.
    """

    epochs: int = 30
    batch_size: int = 128
    optimizer: str = "sgd"
    lr: float = 0.05
    weight_decay: float = 5e-4
    dropout: float = 0.1
    ema: float = 0.999
    ink_weight: float = 1.0
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


MILD = Augmentation(rotation=8, scale=0.08, shear=0.08, shift=1.5, elastic=0.2)
STRONG = Augmentation(rotation=15, scale=0.15, shear=0.2, shift=2.5, elastic=0.45, pen=0.6)

RECIPES = {
    "quick": Recipe(
        epochs=1, batch_size=256, optimizer="muon", lr=0.06, dropout=0, ema=0.99, augmentation=MILD
    ),
    "speed": Recipe(epochs=6, optimizer="muon", dropout=0, ema=0.998),
    "default": Recipe(),
    # For a trained network, --initial-checkpoint, that learns on from a committee, --teacher: soft targets
    # bear distortions that labels do not.
    "best": Recipe(epochs=15, lr=0.03, dropout=0, augmentation=STRONG),
    # For the shipped weights and one person's corrections, of which there are few: --personal.
    "personal": Recipe(epochs=1, lr=0.001, ink_weight=100),
}
