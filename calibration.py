"""How far a reading can be trusted: calibrated probabilities, and whether it is a digit at all.

Both are fitted once, after training, and stored with the weights. Validation images set the temperature
and the threshold, so neither training images, which the network knows too well, nor test images decide.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from data import LabelledImages
from metrics import BATCH, compute_logits
from model import ImprovedResNet18

COMPONENTS = 64  # dimensions of the space that digits fill
REJECTED = 0.01  # share of the validation digits that the threshold gives up
MOST_IMAGES = 12_000  # of the training images that the space is fitted to


@dataclass(frozen=True)
class Calibration:
    """What `fit` found.

    Whether something is a digit is told by the distance of its features from the subspace in which those
    of digits lie (principal component analysis; the residual is the novelty score of Wang et al., "ViM:
    Out-Of-Distribution with Virtual-logit Matching", 2022, without the logit).

    Attributes:
        temperature: what logits are divided by (Guo et al., "On Calibration of Modern Neural Networks",
            2017).
        mean: float32, (704,), of the features of `describe`.
        components: float32, (704, 64 or fewer where there were fewer images), orthonormal.
        threshold: of the distance; 99 % of the validation digits lie below.
    """

    temperature: float
    mean: Tensor
    components: Tensor
    threshold: float

    def distance(self, features: Tensor) -> Tensor:
        """How unlike a digit each of (N, 704) features is, in units of the threshold: (N,), at least 0."""
        mean, components = self.mean.to(features.device), self.components.to(features.device)
        centred = features - mean
        return (centred - (centred @ components) @ components.T).norm(dim=1) / self.threshold


def describe(model: ImprovedResNet18, ink: Tensor) -> tuple[Tensor, Tensor]:
    """What `Calibration.distance` looks at, and the logits, in one pass.

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


def fit(model: ImprovedResNet18, train: LabelledImages, validation: LabelledImages) -> Calibration:
    """Calibrate `model`, which must be in evaluation mode and on the images' device."""
    known = _features(model, train[:MOST_IMAGES])
    mean = known.mean(0)
    _, _, directions = torch.linalg.svd(known - mean, full_matrices=False)
    components = directions[:COMPONENTS].T.contiguous()
    raw = Calibration(fit_temperature(model, validation), mean.cpu(), components.cpu(), 1.0)
    distances = raw.distance(_features(model, validation))
    threshold = max(float(torch.quantile(distances, 1 - REJECTED)), 1e-6)
    return Calibration(raw.temperature, raw.mean, raw.components, threshold)


def fit_temperature(model: ImprovedResNet18, digits: LabelledImages) -> float:
    """The temperature, 0.05 to 20, with the lowest mean cross-entropy on `digits`."""
    from scipy.optimize import minimize_scalar

    logits = compute_logits(model, digits).double()

    def loss(logarithm: float) -> float:
        return float(F.cross_entropy(logits / 10**logarithm, digits.labels))

    return float(10 ** minimize_scalar(loss, bounds=(-1.3, 1.3), method="bounded").x)


def _features(model: ImprovedResNet18, digits: LabelledImages) -> Tensor:
    with torch.inference_mode():
        batches = (digits[start : start + BATCH].ink() for start in range(0, len(digits), BATCH))
        return torch.cat([describe(model, ink)[0] for ink in batches])
