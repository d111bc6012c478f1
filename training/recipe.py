"""Recipes: all hyperparameters of a run.

`train.py --recipe NAME` uses one of `RECIPES`; flags override single numbers. docs/recipe.md describes how
they were found.
"""

from dataclasses import dataclass, field

from training.augmentation import Augmentation

WARM_UP = 0.3  # share of all steps after which only the hardest images are learned from


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of a run. The defaults are those of the recipe "default".

    Attributes:
        epochs: passes over the training images.
        epoch_images: so many of the images an epoch shows, drawn at random; None for all.
        width: factor of the network's channels, as for `ImprovedResNet18`.
        batch_size: images in a step, over all processes.
        optimizer: one of `training.optimizer.OPTIMIZERS`.
        lr: peak learning rate of the one-cycle schedule.
        weight_decay: of convolutions and of the linear layer's weights (L2; decoupled with Muon), not of
            batch norm and biases.
        dropout: probability of dropping a pooled feature in training.
        ema: decay per step of the moving average of the weights, which is validated and saved.
        hardest: share of each batch that is learned from once WARM_UP of the steps are done: the images with
            the highest loss; not with a teacher (Jiang et al., "Accelerating Deep Learning by Focusing on
            the Biggest Losers", 2019).
        label_smoothing: share of each label's probability that is spread over all classes; not with a teacher
            (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016).
        teacher_temperature: divides the logits of teacher and student before their probabilities are
            compared; above 1 the student learns more of what the teacher holds possible beside its answer.
        ink_weight: how often an epoch shows each of the other people's digits.
        made_digits: digits that a program makes for each epoch.
        non_digits: images for each epoch that are no digits, of which the network learns to be unsure.
        seed: of initial weights, order, distortions and dropout, 0 to 2**63 - 1.
        view_seed: of order and distortions, if they are to be those of another seed; None for `seed`.
        plain_epochs: so many last epochs show the images undistorted.
        keep: which epoch's weights are kept: "best" for the lowest validation loss, or "last".
        sync_batch_norm: whether batch norm takes its statistics over the whole batch, not over the share of
            each thread or process; slower.
        augmentation: distortions of the training images.
    """

    epochs: int = 30
    epoch_images: int | None = None
    width: int = 1
    batch_size: int = 128
    optimizer: str = "sgd"
    lr: float = 0.05
    weight_decay: float = 5e-4
    dropout: float = 0.1
    ema: float = 0.999
    hardest: float = 1.0
    label_smoothing: float = 0.0
    teacher_temperature: float = 1.0
    ink_weight: float = 1.0
    made_digits: int = 0
    non_digits: int = 0
    seed: int = 0
    view_seed: int | None = None
    plain_epochs: int = 0
    keep: str = "best"
    sync_batch_norm: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def seed_of_views(self) -> int:
        """The seed of order and distortions."""
        return self.seed if self.view_seed is None else self.view_seed

    def steps_of_epoch(self, count: int) -> int:
        """Return the number of steps of an epoch for which there are `count` images."""
        return min(count, self.epoch_images or count) // self.batch_size

    def share_of_batch(self, number: int, steps: int) -> float:
        """Return which share of its batch step `number` of `steps`, counted from 0, learns from."""
        return 1.0 if number < WARM_UP * steps else self.hardest

    def distorts(self, epoch: int) -> bool:
        """Return whether an epoch, counted from 0, shows the images distorted."""
        return epoch < self.epochs - self.plain_epochs


MILD = Augmentation(rotation=8, scale=0.08, shear=0.08, shift=1.5, elastic=0.2)
STRONG = Augmentation(rotation=15, scale=0.15, shear=0.2, shift=2.5, elastic=0.45, pen=0.6)

RECIPES = {
    "quick": Recipe(
        epochs=1,
        epoch_images=36_000,
        batch_size=256,
        optimizer="muon",
        lr=0.06,
        dropout=0,
        ema=0.99,
        hardest=0.33,
        label_smoothing=0.1,
        augmentation=MILD,
    ),
    # With smoothed labels the uncalibrated loss rises, so it does not tell which epoch is best.
    "speed": Recipe(
        epochs=5, optimizer="muon", dropout=0, ema=0.998, hardest=0.33, label_smoothing=0.1, keep="last"
    ),
    "default": Recipe(),
    # For a trained network (--initial-checkpoint) with a committee as its teacher (--teacher). Distortions
    # are stronger than with labels, since the teacher's probabilities take them into account.
    "best": Recipe(epochs=15, lr=0.03, dropout=0, augmentation=STRONG),
    # For the shipped weights, which also teach, and other people's digits (--ink).
    "ink": Recipe(
        epochs=10,
        lr=0.03,
        dropout=0,
        teacher_temperature=4,
        ink_weight=2,
        made_digits=6_000,
        non_digits=16_000,
        augmentation=STRONG,
    ),
    # For the shipped weights and one person's corrections (--personal), which are few.
    "personal": Recipe(epochs=1, lr=0.001, ink_weight=100),
}
