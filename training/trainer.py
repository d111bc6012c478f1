"""The training loop: steps, moving average, validation, and a state from which it resumes exactly.

Whatever is random in a step is drawn from the seed and the step's number alone. So a resumed run needs
no saved random state, and several processes agree on the batch and its distortions without talking.
"""

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from checkpointing.checkpoint import weights_digest
from common.messages import UserError
from data import CREDITS, LabelledImages
from evaluation import calibration
from evaluation.calibration import NoveltyDetector
from evaluation.metrics import compute_logits
from model import ImprovedResNet18
from training.distillation import Committee
from training.distributed import World
from training.optimizer import make_optimizer
from training.recipe import Recipe
from training.state import check_parts, check_same_run
from training.sync_batch_norm import convert_batch_norm

if TYPE_CHECKING:  # it needs image processing, which most runs do without
    from training.extra_digits import ExtraDigits

CHECK_EVERY = 32  # steps between looks at the loss: each look makes a GPU wait
ALONE = World()
ORDER, DISTORTION, DROPOUT, MORE_INK = range(4)  # what random numbers are drawn for


class Trainer:
    """One run of a recipe.

    Attributes:
        epoch: completed epochs.
        step: completed steps of the epoch under way.
        lr: learning rate of the last step.
        history: one row of figures for each completed epoch.
        best: the row with the lowest validation loss, or None.
        best_weights: the averaged weights of that row.
        initial: `weights_digest` of the weights that it started from, None for random ones.
        ink: what other people's digits the weights have learned from, here or before: `ExtraDigits.sources`.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: LabelledImages,
        validation: LabelledImages,
        device: torch.device,
        autocast: torch.dtype | None = None,
        world: World = ALONE,
        teacher: Committee | None = None,
        more: "ExtraDigits | None" = None,
    ) -> None:
        """Put images and a new network on `device`.

        Args:
            train: what to learn from.
            validation: what tells how well it goes. It may be empty: then the last epoch counts as best.
            autocast: the dtype of mixed precision.
            teacher: whose probabilities the network learns instead of the labels of `train`.
            more: other people's digits to learn from as well, by their labels: the teacher has not seen
                such ink.
        """
        self.recipe, self.device, self.autocast, self.world = recipe, device, autocast, world
        self.train_images, self.validation_images = train.to(device), validation.to(device)
        self.more, self.more_count = more, round(recipe.ink_weight * len(more)) if more else 0
        torch.backends.cudnn.deterministic = True  # the same seed twice gives the same weights
        torch.manual_seed(recipe.seed)
        self.model = ImprovedResNet18(dropout=recipe.dropout)
        self.model.to(device, memory_format=torch.channels_last)
        self.teacher = teacher and teacher.to(device, memory_format=torch.channels_last)
        self.average = AveragedModel(self.model, use_buffers=True)
        self.network: nn.Module = self.model
        if world.size > 1:
            convert_batch_norm(self.model)
            self.network = DistributedDataParallel(self.model, forward_sync_buffers=False)
        self.optimizer = make_optimizer(
            recipe.optimizer, self.model, recipe.lr, recipe.weight_decay, autocast or torch.float32
        )
        self.steps_per_epoch = (len(train) + self.more_count) // recipe.batch_size
        total = max(3, recipe.epochs * self.steps_per_epoch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=recipe.lr,
            total_steps=total,
            pct_start=max(0.2, 2 / total),  # each phase divides by its steps less one
            div_factor=10,
            final_div_factor=1000,
            cycle_momentum=False,
        )
        self.epoch = self.step = 0
        self.lr = 0.0
        self.seconds = 0.0  # spent on the epoch under way
        self.totals = torch.zeros(2, device=device)  # loss and errors, summed over its steps
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.best_weights: dict[str, Tensor] = {}
        self.initial: str | None = None
        self.ink = _once(teacher.ink if teacher else [], more.sources if more else [])

    def train_epoch(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        on_step: Callable[["Trainer"], None] = lambda trainer: None,
    ) -> bool:
        """Train until the epoch's last step, or until `should_stop`; whether the epoch is complete.

        Raises:
            UserError: if the loss is no longer finite.
        """
        started = time.monotonic() - self.seconds
        digits = self._digits_of_epoch()
        order = torch.randperm(
            len(digits), generator=torch.Generator().manual_seed(self._seed(ORDER, self.epoch))
        ).to(self.device)
        self.model.train()
        while self.step < self.steps_per_epoch:
            if self.world.any(should_stop(), self.device):
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

    def _digits_of_epoch(self) -> LabelledImages:
        """The training images, then other people's digits as often as their weight says, drawn afresh."""
        if not self.more:
            return self.train_images
        rng = np.random.default_rng(self._seed(MORE_INK, self.epoch))
        drawn = self.more.draw(rng)
        times, rest = divmod(self.more_count, len(drawn))
        rows = np.concatenate([np.tile(np.arange(len(drawn)), times), rng.permutation(len(drawn))[:rest]])
        return self.train_images.followed_by(drawn[torch.from_numpy(rows)].to(self.device))

    def _train_step(self, digits: LabelledImages, rows: Tensor) -> None:
        number = self.epoch * self.steps_per_epoch + self.step
        share = self.world.share(len(rows))
        generator = torch.Generator(self.device).manual_seed(self._seed(DISTORTION, number))
        distortion = self.recipe.augmentation.draw(len(rows), generator)[share]
        batch = digits[rows[share]]
        ink = distortion.apply(batch.ink()).contiguous(memory_format=torch.channels_last)
        torch.manual_seed(self._seed(DROPOUT, number, self.world.rank))
        with torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None):
            logits = self.network(ink)
            targets = distortion.mix(self._one_hot(batch.labels))
            if self.teacher:
                taught = rows[share] < len(self.train_images)
                targets = torch.where(taught[:, None], self.teacher(ink), targets)
        loss = F.cross_entropy(logits.float(), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.lr = self.schedule.get_last_lr()[0]
        self.schedule.step()
        # A shorter horizon at first, while there is little to average over.
        decay = min(self.recipe.ema, (1 + number) / (10 + number))
        self.average.multi_avg_fn = get_ema_multi_avg_fn(decay)
        self.average.update_parameters(self.model)
        errors = (logits.argmax(1) != targets.argmax(1)).sum()
        self.totals += torch.stack([loss.detach(), errors])

    def _one_hot(self, labels: Tensor) -> Tensor:
        return F.one_hot(labels, self.model.fc.out_features).float()

    def finish_epoch(self) -> dict[str, Any]:
        """Validate the averaged weights after a complete `train_epoch`; the new row of `history`.

        Without validation images its "val_loss" and "val_errors" are None.
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
            "train_loss": loss / self.steps_per_epoch / self.world.size,
            "train_error": errors / self.steps_per_epoch / self.recipe.batch_size,
            "val_loss": validation["loss"],
            "val_errors": validation["errors"],
            "lr": self.lr,
            "images_per_second": self.steps_per_epoch * self.recipe.batch_size / self.seconds,
            "seconds": self.seconds + time.monotonic() - started,
        }
        self.history.append(row)
        if self.best is None or row["val_loss"] is None or row["val_loss"] < self.best["val_loss"]:
            self.best = row
            self.best_weights = {
                name: tensor.cpu().clone() for name, tensor in self.average.module.state_dict().items()
            }
        self.step, self.seconds = 0, 0.0
        self.totals.zero_()
        return row

    def total_seconds(self) -> float:
        """Wall time of the completed epochs, training and validation."""
        return sum(row["seconds"] for row in self.history)

    def start_from(self, model: ImprovedResNet18, ink: Sequence[dict] = ()) -> None:
        """Take over the weights of `model`, on the CPU, before the first step; `ink` is what it has seen."""
        self.model.load_state_dict(model.state_dict())
        self.initial = weights_digest(model.state_dict())
        self.ink = _once(ink, self.ink)

    def best_model(self) -> ImprovedResNet18:
        """A copy on the CPU with `best_weights`."""
        model = ImprovedResNet18(dropout=self.recipe.dropout)
        model.load_state_dict(self.best_weights)
        return model

    def calibrated_best(self) -> tuple[ImprovedResNet18, NoveltyDetector, dict[str, float]]:
        """A calibrated `best_model`, how far it can be trusted, and its figures as by `evaluate`."""
        cpu = torch.device("cpu")
        model, validation = self.best_model().eval(), self.validation_images.to(cpu)
        found = calibration.fit(model, self._digits_of_epoch().to(cpu), validation)
        return model, found, evaluate(model, validation)

    def training(self) -> dict[str, Any]:
        """What the best weights came from, in plain values; networks by their `weights_digest`."""
        return {
            "images": len(self.train_images),
            "best_epoch": self.best and self.best["epoch"],
            "teacher": self.teacher and self.teacher.digests,
            "initial": self.initial,
            "ink": self.ink,
            "credit": CREDITS[self.train_images.dataset],
            **asdict(self.recipe),
        }

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, in plain values and tensors."""
        return {
            "run": self._identity(),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "lr": self.lr,
            "seconds": self.seconds,
            "totals": self.totals,
            "history": self.history,
            "best": self.best,
            "best_weights": self.best_weights,
            "initial": self.initial,
            "ink": self.ink,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where the trainer stood whose `state()` this is. An error leaves this one as it was.

        Raises:
            UserError: if that one had another recipe, teacher, or other digits.
            Exception: of another kind if it is no such state.
        """
        check_same_run(state["run"], self._identity())
        state = {"initial": None, "ink": self.ink, **state}
        check_parts(state, self.state(), self.optimizer, self.recipe.epochs, self.steps_per_epoch)
        before = copy.deepcopy(self.state())
        try:
            self._take(state)
        except Exception:
            self._take(before)
            raise

    def _take(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        # It would take whatever the state has, even for its methods.
        self.schedule.load_state_dict({name: state["schedule"][name] for name in self.schedule.state_dict()})
        self.totals.copy_(state["totals"])
        for name in ("epoch", "step", "lr", "seconds", "history", "best", "best_weights", "initial", "ink"):
            setattr(self, name, state[name])

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        images, teacher = self.train_images, self.teacher and self.teacher.digests
        return {
            **asdict(self.recipe),
            "dataset": images.dataset,
            "images": len(images),
            "teacher": teacher,
            "ink": self.more and self.more.sources,
        }

    def _check_totals(self) -> None:
        """Raise in every process if the loss is no longer finite in one."""
        self._check_finite(float(self.world.sum(self.totals.clone())[0]))

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise UserError(f"the loss became {loss} in epoch {self.epoch + 1}: try a lower --lr")

    def _seed(self, *key: int) -> int:
        """A seed for the random numbers named by `key`, independent of those of other keys."""
        return int(np.random.SeedSequence((self.recipe.seed, *key)).generate_state(1, np.uint64)[0])


def evaluate(model: nn.Module, digits: LabelledImages, world: World = ALONE) -> dict[str, float]:
    """Errors and mean cross-entropy of `model` in evaluation mode and full precision.

    The model must be on the images' device. Several processes share the work.

    Returns:
        "n", "errors" (counts) and "loss".
    """
    share = digits[world.share(len(digits))]
    logits = compute_logits(model, share)
    loss = F.cross_entropy(logits, share.labels, reduction="sum")
    errors = (logits.argmax(1) != share.labels).sum()
    loss_sum, error_sum = world.sum(torch.stack([loss, errors])).tolist()
    return {"n": len(digits), "errors": round(error_sum), "loss": loss_sum / len(digits)}


def pick_autocast(amp: str, device: torch.device) -> torch.dtype | None:
    """The dtype of mixed precision for `--amp`: bfloat16, or None for full precision.

    "auto" takes bfloat16 only where the hardware computes in it: elsewhere it is emulated and slower.
    """
    native = False
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        native = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.bfloat16 if amp == "bf16" or (amp == "auto" and native) else None


def _once(*sources: Iterable[dict]) -> list[dict]:
    """All in their order, each once."""
    found: list[dict] = []
    for source in itertools.chain(*sources):
        if source not in found:
            found.append(source)
    return found
