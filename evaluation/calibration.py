"""How far a reading can be trusted: calibrated probabilities, and whether it is a digit at all.

Both are fitted once, after training. Validation images set the temperature, which goes into the network's
weights, and the threshold, so neither training images, which the network knows too well, nor test images
decide.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from data import LabelledImages
from evaluation.metrics import BATCH
from model import ImprovedResNet18

FEATURES = (
    9 * 64 + 128
)  # that `features_and_logits` tells of a digit: 704, of the second stage by place and of the last
COMPONENTS = 64  # dimensions of the space that digits fill
REJECTED = 0.01  # share of the validation digits that the threshold gives up
MOST_IMAGES = 12_000  # of the training images that the space is fitted to


@dataclass(frozen=True)
class NoveltyDetector:
    """What `fit` found.

    Whether something is a digit is told by the distance of its features from the subspace in which those
    of digits lie (principal component analysis; the residual is the novelty score of Wang et al., "ViM:
    Out-Of-Distribution with Virtual-logit Matching", 2022, without the logit).

    Attributes:
        mean: float32, (704,), of the features of `features_and_logits`.
        components: float32, (704, 64 or fewer where there were fewer images), orthonormal.
        threshold: of the distance; 99 % of the validation digits lie below.
    """

    mean: Tensor
    components: Tensor
    threshold: float

    def distance(self, features: Tensor) -> Tensor:
        """How unlike a digit each of (N, 704) features is, in units of the threshold: (N,), at least 0."""
        mean, components = self.mean.to(features.device), self.components.to(features.device)
        centred = features - mean
        return (centred - (centred @ components) @ components.T).norm(dim=1) / self.threshold


def features_and_logits(model: ImprovedResNet18, ink: Tensor) -> tuple[Tensor, Tensor]:
    """What `NoveltyDetector.distance` looks at, and the logits, in one pass.

    Args:
        ink: as the model takes it, (N, 1, 28, 28).

    Returns:
        Features, (N, 704): layer2 averaged over nine overlapping fields, which says what stands where,
        and the pooled features, which say what it is; each of length 1. Logits, (N, classes).
    """
    _, second, third = model.stages(ink)
    pooled = model.pool(third)
    fields = F.avg_pool2d(second, 3, stride=2).flatten(1)
    return torch.cat([F.normalize(fields), F.normalize(pooled)], 1), model.fc(pooled)


def fit(model: ImprovedResNet18, train: LabelledImages, validation: LabelledImages) -> NoveltyDetector:
    """Calibrate `model`, which must be in evaluation mode and on the images' device.

    The temperature goes into its classifier, so that the softmax of its logits can be trusted.
    """
    familiar, _ = _describe_all(model, train[:: math.ceil(len(train) / MOST_IMAGES)])
    features, logits = _describe_all(model, validation)
    divide_logits(model, fit_temperature(logits, validation.labels))
    mean = familiar.mean(0)
    _, _, directions = torch.linalg.svd(familiar - mean, full_matrices=False)
    components = directions[:COMPONENTS].T.contiguous()
    raw = NoveltyDetector(mean.cpu(), components.cpu(), 1.0)
    threshold = max(float(torch.quantile(raw.distance(features), 1 - REJECTED)), 1e-6)
    return NoveltyDetector(raw.mean, raw.components, threshold)


@torch.no_grad()
def divide_logits(model: ImprovedResNet18, temperature: float) -> None:
    """Change the classifier's weights so that logits come out divided by `temperature`.

    Guo et al., "On NoveltyDetector of Modern Neural Networks", 2017.
    """
    for parameter in model.fc.parameters():
        parameter /= temperature


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """What to divide `logits`, (N, classes), by, 0.05 to 20, for the lowest mean cross-entropy."""
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        return float(F.cross_entropy(logits.double() / 10**logarithm, labels))

    return float(10 ** minimize_scalar(loss, bounds=(-1.3, 1.3), method="bounded").x)


def _describe_all(model: ImprovedResNet18, digits: LabelledImages) -> tuple[Tensor, Tensor]:
    """What `features_and_logits` tells of each image."""
    with torch.inference_mode():
        starts = range(0, len(digits), BATCH)
        described = [features_and_logits(model, digits[start : start + BATCH].ink()) for start in starts]
    features, logits = zip(*described, strict=True)
    return torch.cat(features), torch.cat(logits)
