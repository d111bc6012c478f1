"""The training loop: steps, moving average of the weights, validation.

All random numbers follow from the seed and the number of the epoch or step: see training/views.py.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from checkpointing.checkpoint import weights_digest
from common.messages import UserError
from data import LabelledImages
from model import ImprovedResNet18
from training.answers import Answers
from training.distillation import Committee
from training.distributed import ONE_PROCESS, World
from training.optimizer import make_optimizer, make_schedule
from training.recipe import Recipe
from training.replicas import Replicas, replica_count
from training.step import Step, student
from training.sync_batch_norm import convert_batch_norm
from training.validation import evaluate
from training.views import CPU, EXTRA_DIGITS, MADE, derive_seed, distortion_of_step, order_of_epoch

if TYPE_CHECKING:  # it imports image processing, which most runs do not need
    from training.extra_digits import ExtraDigits
    from training.made_images import MadeImages

CHECK_EVERY = 32  # steps between checks of the loss, each of which makes a GPU wait


class Trainer:
    """Trains a network by a recipe.

    Attributes:
        model: the network.
        average: the moving average of the network's weights, which is validated and saved.
        extra_count: how many of other people's digits an epoch shows.
        made: makes further images for each epoch, or None.
        image_count: how many images there are for an epoch to show.
        epoch: number of completed epochs.
        step: number of completed steps of the current epoch.
        lr: learning rate of the last step.
        seconds: time spent on the current epoch.
        totals: float32, (2,): loss and errors, summed over the steps of the current epoch.
        history: a row of figures for each completed epoch, as `finish_epoch` returns it.
        best: the row of the epoch whose weights are kept, as the recipe says, or None before the first epoch
            ends.
        best_weights: state dict of the averaged weights of that epoch, on the CPU.
        initial: `weights_digest` of the weights that training started from, None for random ones.
        ink: sources of other people's digits that the weights have learned from, as in
            `ExtraDigits.sources`, including those of the initial weights and of the teacher.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: LabelledImages,
        validation: LabelledImages,
        device: torch.device,
        autocast: torch.dtype | None = None,
        world: World = ONE_PROCESS,
        teacher: Committee | Answers | None = None,
        extra_digits: "ExtraDigits | None" = None,
        made: "MadeImages | None" = None,
    ) -> None:
        """Put images and a new network on `device`.

        Args:
            recipe: the recipe.
            train: images to train on.
            validation: images to validate on. Without any, the last epoch counts as the best.
            device: where to compute.
            autocast: dtype of mixed precision; None for full precision.
            world: this process among those that train together.
            teacher: committee whose probabilities are learned instead of the labels of `train`, or what it
                answered for this run; without one, the recipe's temperature must be 1.
            extra_digits: other people's digits to train on as well. They are learned by their labels, since
                the teacher has not learned such ink.
            made: makes further images for each epoch.
        """
        self.recipe, self.device, self.autocast, self.world = recipe, device, autocast, world
        self.train_images, self.validation_images = train.to(device), validation.to(device)
        self.extra_digits = extra_digits
        self.extra_count = round(recipe.ink_weight * len(extra_digits)) if extra_digits else 0
        self.made = made
        torch.backends.cudnn.deterministic = True  # the same seed twice gives the same weights
        torch.manual_seed(recipe.seed)
        self.model = ImprovedResNet18(dropout=recipe.dropout, width=recipe.width)
        self.model.to(device, memory_format=torch.channels_last)
        self.teacher = teacher
        if isinstance(teacher, Committee):
            teacher.to(device, memory_format=torch.channels_last)
        self.answers: Tensor | None = None  # for the views of the current epoch
        self.average = AveragedModel(self.model, use_buffers=True)
        self.replicas = self._make_replicas()
        dtype, team = autocast or torch.float32, self.replicas.team
        self.optimizer = make_optimizer(
            recipe.optimizer, self.model, recipe.lr, recipe.weight_decay, dtype, team
        )
        self.image_count = len(train) + self.extra_count + (len(made) if made else 0)
        self.steps_per_epoch = recipe.steps_of_epoch(self.image_count)
        self.schedule = make_schedule(self.optimizer, recipe.lr, recipe.epochs * self.steps_per_epoch)
        self.epoch = self.step = 0
        self.lr = self.seconds = 0.0
        self.totals = torch.zeros(2, device=device)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.best_weights: dict[str, Tensor] = {}
        self.initial: str | None = None
        taught = teacher.ink if teacher else []
        self.ink = without_repeats(taught, extra_digits.sources if extra_digits else [])

    def _make_replicas(self) -> Replicas:
        """Return replicas for the CPU threads of this process, or one for a GPU."""
        world, recipe, count, threads = self.world, self.recipe, 1, torch.get_num_threads()
        if world.size > 1 and recipe.sync_batch_norm:
            convert_batch_norm(self.model)
        # Mixup blends images of the whole share of a process.
        elif self.device.type == "cpu" and not recipe.sync_batch_norm and not recipe.augmentation.mixup:
            count = replica_count(threads, recipe.batch_size // world.size)
        differ = count * world.size > 1 and not recipe.sync_batch_norm
        return Replicas(
            student(self.model, recipe), count, threads // count, world, average_statistics=differ
        )

    def train_epoch(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        on_step: Callable[["Trainer"], None] = lambda trainer: None,
    ) -> bool:
        """Train to the end of the epoch, or until `should_stop` returns True in one of the processes.

        Args:
            should_stop: called before each step.
            on_step: called after each step.

        Returns:
            Whether the epoch is complete.

        Raises:
            UserError: if the loss is not finite.
        """
        started = time.monotonic() - self.seconds
        digits = self.images_of_epoch()
        order = order_of_epoch(self.recipe, self.epoch, len(digits))
        if isinstance(self.teacher, Answers):
            self.answers = self.teacher.of_epoch(self.epoch, order).to(self.device)
        order = order.to(self.device)
        self.model.train()
        with self.replicas.team.in_step():
            while self.step < self.steps_per_epoch:
                if self.world.any(should_stop()):
                    break
                start = self.step * self.recipe.batch_size
                self._train_step(digits, order[start : start + self.recipe.batch_size])
                self.step += 1
                if self.step % CHECK_EVERY == 0:
                    self._check_totals()
                on_step(self)
                self.seconds = time.monotonic() - started
        self._check_totals()
        return self.step == self.steps_per_epoch

    def images_of_epoch(self) -> LabelledImages:
        """Return what this epoch shows.

        Returns:
            The training images, then `extra_count` of other people's digits, varied for this epoch, then what
            was made for it.
        """
        shown = self.train_images
        if self.extra_digits:
            rng = self._random_numbers_of_epoch(EXTRA_DIGITS)
            drawn = self.extra_digits.draw(rng)
            times, rest = divmod(self.extra_count, len(drawn))
            rows = np.concatenate([np.tile(np.arange(len(drawn)), times), rng.permutation(len(drawn))[:rest]])
            shown = shown.followed_by(drawn[torch.from_numpy(rows)].to(self.device))
        if self.made:
            made = self.made.draw(self.train_images.to(CPU), self._random_numbers_of_epoch(MADE))
            shown = shown.followed_by(made.to(self.device))
        return shown

    def _random_numbers_of_epoch(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.recipe.seed_of_views, purpose, self.epoch))

    def _train_step(self, digits: LabelledImages, rows: Tensor) -> None:
        """Train on `digits[rows]`, of which this process has a share. Nothing here makes a GPU wait."""
        number = self.epoch * self.steps_per_epoch + self.step
        distortion = answers = taught = None
        if self.recipe.distorts(self.epoch):
            where = self.device if self.answers is None else CPU
            distortion = distortion_of_step(self.recipe, number, len(rows), where)
        if self.answers is not None:
            start = self.step * self.recipe.batch_size
            answers = self.answers[start : start + self.recipe.batch_size]
        if self.teacher:
            taught = rows < len(self.train_images)
        step = Step(
            *(self.recipe, number, digits[rows], distortion, self.autocast, self.teacher, answers, taught),
            hardest=self.recipe.share_of_batch(number, self.recipe.epochs * self.steps_per_epoch),
        )
        self.totals += self.replicas.gradients(step.learn)
        self.optimizer.step()
        self.lr = self.schedule.get_last_lr()[0]
        self.schedule.step()
        # At first the average covers fewer steps, and after the first step it is that step's weights.
        self._update_average(min(self.recipe.ema, (1 + number) / (10 + number)) if number else 0.0)

    def _update_average(self, decay: float) -> None:
        """Update the average as `AveragedModel` does, without the copies for which a GPU waits."""
        update = get_ema_multi_avg_fn(decay)
        averages, weights = (module.state_dict().values() for module in (self.average.module, self.model))
        pairs = list(zip(averages, weights, strict=True))
        for is_float in (True, False):
            chosen = [pair for pair in pairs if pair[0].is_floating_point() == is_float]
            update(*zip(*chosen, strict=True), 0)
        self.average.n_averaged += 1

    def finish_epoch(self) -> dict[str, Any]:
        """Validate the averaged weights after a complete `train_epoch`.

        Returns:
            The new row of `history`: "epoch", "train_loss", "train_error" (a share), "val_loss", "val_errors"
            (a count; both None without validation images), "lr", "images_per_second", "seconds".

        Raises:
            UserError: if the validation loss is not finite.
        """
        started = time.monotonic()
        loss, errors = self.world.sum(self.totals.clone()).tolist()
        validation = {"loss": None, "errors": None}
        if len(self.validation_images):
            validation = evaluate(self.average.module, self.validation_images, self.world)
            self._check_finite(validation["loss"])
        self.epoch += 1
        row = {
            "epoch": self.epoch,
            "train_loss": loss / self.steps_per_epoch,
            "train_error": errors / self.steps_per_epoch / self.recipe.batch_size,
            "val_loss": validation["loss"],
            "val_errors": validation["errors"],
            "lr": self.lr,
            "images_per_second": self.steps_per_epoch * self.recipe.batch_size / self.seconds,
            "seconds": self.seconds + time.monotonic() - started,
        }
        self.history.append(row)
        last = self.recipe.keep == "last" or row["val_loss"] is None
        if self.best is None or last or row["val_loss"] < self.best["val_loss"]:
            self.best = row
            self.best_weights = {
                name: tensor.cpu().clone() for name, tensor in self.average.module.state_dict().items()
            }
        self.step, self.seconds = 0, 0.0
        self.totals.zero_()
        return row

    def total_seconds(self) -> float:
        """Return the time of training and validation of all completed epochs."""
        return sum(row["seconds"] for row in self.history)

    def start_from(self, model: ImprovedResNet18, ink: Sequence[dict] = ()) -> None:
        """Start from the weights of `model`, on the CPU, which has learned `ink`, as in `Checkpoint.ink`.

        Raises:
            UserError: if `model` is of another width.
        """
        if model.width != self.recipe.width:
            raise UserError(
                f"--initial-checkpoint: these weights are of width {model.width}, and not of "
                f"--width {self.recipe.width}"
            )
        self.model.load_state_dict(model.state_dict())
        self.initial = weights_digest(model.state_dict())
        self.ink = without_repeats(ink, self.ink)

    def best_model(self) -> ImprovedResNet18:
        """Return a network on the CPU with `best_weights`."""
        model = ImprovedResNet18(dropout=self.recipe.dropout, width=self.recipe.width)
        model.load_state_dict(self.best_weights)
        return model

    def _check_totals(self) -> None:
        """Raise UserError in all processes if the loss is not finite in one of them."""
        self._check_finite(float(self.world.sum(self.totals.clone())[0]))

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise UserError(f"the loss became {loss} in epoch {self.epoch + 1}: try a lower --lr")


def without_repeats(*sources: Iterable[dict]) -> list[dict]:
    """Return the sources in their order, without repetitions."""
    found: list[dict] = []
    for source in itertools.chain(*sources):
        if source not in found:
            found.append(source)
    return found
