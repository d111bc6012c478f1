"""What a training step computes: loss and gradients of a network on its part of a batch."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data import LabelledImages
from model import ImprovedResNet18
from training.answers import CLASSES
from training.augmentation import Distortion
from training.distillation import Committee, Float32Classifier, tempered_loss
from training.distributed import World
from training.recipe import Recipe
from training.replicas import seed_dropout
from training.views import DROPOUT, derive_seed


@dataclass(frozen=True)
class Step:
    """A training step, of which each replica of the network in each process takes its part.

    Attributes:
        recipe: the recipe.
        number: of the step, counted over all epochs.
        batch: images of all parts, on the device.
        distortion: of all parts; None for undistorted images.
        autocast: dtype of mixed precision; None for full precision.
        teacher: committee whose probabilities are learned instead of labels.
        answers: what a committee answered before, which is used instead of `teacher`: (N, classes).
        taught: bool, (N,), which images are learned from the committee; None without one.
        hardest: share of the images that is learned from, those with the highest loss.
    """

    recipe: Recipe
    number: int
    batch: LabelledImages
    distortion: Distortion | None = None
    autocast: torch.dtype | None = None
    teacher: Committee | None = None
    answers: Tensor | None = None
    taught: Tensor | None = None
    hardest: float = 1.0

    def learn(self, network: nn.Module, part: World) -> Tensor:
        """Add the gradients of a part to those of `network`. Nothing here makes a GPU wait.

        Args:
            network: from `student`, in training mode.
            part: which share of the batch is its part.

        Returns:
            float32, (2,): the loss of what is learned from, weighted with the part's share of the batch, and
            the part's misread digits.
        """
        share = part.share(len(self.batch))
        batch, device = self.batch[share], self.batch.labels.device
        ink, targets = batch.ink(), targets_of(batch.labels)
        if self.distortion:
            distortion = self.distortion[share].to(device)
            ink, targets = distortion.apply(ink), distortion.mix(targets)
        seed_dropout(network, derive_seed(self.recipe.seed, DROPOUT, self.number, part.rank))
        if self.taught is not None:
            with self._autocast():
                targets = torch.where(self.taught[share, None], self._probabilities(ink, share), targets)
        if self.hardest < 1:
            before = self._as_read(network, ink)
            errors = misread(before, targets, batch.labels)
            losses = F.cross_entropy(before, targets, reduction="none")
            rows = losses.topk(max(1, round(self.hardest * len(ink)))).indices
            ink, targets = ink[rows], targets[rows]
        with self._autocast():
            logits = network(ink)
        if self.recipe.teacher_temperature != 1:
            temperatures = torch.where(self.taught[share], self.recipe.teacher_temperature, 1.0)
            loss = tempered_loss(logits, targets, temperatures)
        else:
            smoothing = self.recipe.label_smoothing
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=smoothing)
        loss = loss * (len(batch) / len(self.batch))
        loss.backward()
        if self.hardest == 1:
            errors = misread(logits, targets, batch.labels)
        return torch.stack([loss.detach(), errors])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.batch.labels.device.type, self.autocast, enabled=self.autocast is not None)

    def _as_read(self, network: nn.Module, ink: Tensor) -> Tensor:
        """Return the logits of `network` in evaluation mode, float32, (N, classes)."""
        network.eval()
        # In a context of its own: weights that autocast keeps in bfloat16 would have no gradients later.
        with torch.no_grad(), self._autocast():
            logits = network(ink)
        network.train()
        return logits.float()

    def _probabilities(self, ink: Tensor, share: slice) -> Tensor:
        """Return the teacher's probabilities at the recipe's temperature, float32, (N, classes)."""
        if self.answers is not None:
            said = self.answers[share].float()
        elif self.recipe.teacher_temperature != 1:
            said = self.teacher.log_probabilities(ink)
        else:
            return self.teacher(ink)
        return (said / self.recipe.teacher_temperature).softmax(1)


def misread(logits: Tensor, targets: Tensor, labels: Tensor) -> Tensor:
    """Count the digits whose likeliest class is another than that of their target: int64, ().

    Args:
        logits, targets: (N, classes).
        labels: int64, (N,); what is no digit does not count.
    """
    return ((logits.argmax(1) != targets.argmax(1)) & (labels < CLASSES)).sum()


def targets_of(labels: Tensor) -> Tensor:
    """Return the probabilities to learn, float32, (N, classes): of what is no digit, all the same.

    Args:
        labels: int64, (N,), 0 to 9, or 10 for what is no digit.
    """
    none = torch.full((1, CLASSES), 1 / CLASSES, device=labels.device)
    return torch.cat([torch.eye(CLASSES, device=labels.device), none])[labels]


def student(model: ImprovedResNet18, recipe: Recipe) -> nn.Module:
    """Return the network that `Step.learn` trains: at a temperature its logits are in full precision."""
    return Float32Classifier(model) if recipe.teacher_temperature != 1 else model
