"""Calibration: probabilities that can be trusted, and a score for ink that is not a digit.

Both are fitted once, after training. The temperature, which is folded into the network's weights, and the
threshold of the score are fitted to the validation images: on the training images the network is
overconfident, and the test images must not influence any choice.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from common.threads import thread_team
from data import LabelledImages
from evaluation.metrics import BATCH
from model import ImprovedResNet18

FEATURES = 9 * 64 + 128  # of layer2 in nine fields, and of layer3, in a network of width 1
COMPONENTS = 64  # dimension of the subspace that is fitted to digits
# Share of the validation digits beyond the threshold. A network that has learned what is no digit tells it
# apart so well that fewer digits need be given up; chosen on alphabets held out from training.
REJECTED, REJECTED_IF_TAUGHT = 0.01, 0.005
SUBSPACE_IMAGES = 12_000  # at most so many training images are used to fit the subspace


@dataclass(frozen=True)
class NoveltyDetector:
    """Measures how unlike a digit ink is.

    The measure is the distance of its features from the subspace in which the features of digits lie. Shapes
    are those for a network of width 1.

    Attributes:
        mean: float32, (704,), the mean feature vector of digits.
        components: float32, (704, 64), orthonormal columns; fewer if it was fitted to fewer images.
        threshold: the distance below which 99 % of the validation digits lie, or 99.5 % if the network has
            learned what is no digit.

    Source: Wang et al., "ViM: Out-Of-Distribution with Virtual-logit Matching", 2022: the residual of a
    principal component analysis, without the logit.
    """

    mean: Tensor
    components: Tensor
    threshold: float

    def distance(self, features: Tensor) -> Tensor:
        """Return the distance of features from those of digits.

        Args:
            features: float32, (N, 704), as from `features_and_logits`.

        Returns:
            float32, (N,), at least 0, in units of the threshold.
        """
        mean, components = self.mean.to(features.device), self.components.to(features.device)
        centred = features - mean
        return (centred - (centred @ components) @ components.T).norm(dim=1) / self.threshold


def features_and_logits(model: ImprovedResNet18, ink: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the features for `NoveltyDetector.distance` and the logits in one forward pass.

    Args:
        model: in evaluation mode.
        ink: floating point, (N, 1, 28, 28), in [0, 1], on the model's device.

    Returns:
        Features, (N, 704) for a network of width 1, and logits, (N, classes). The first 576 features are
        layer2 averaged over nine overlapping fields, scaled to length 1; the other 128 are the pooled
        features, scaled to length 1.
    """
    _, second, third = model.stages(ink)
    pooled = model.pool(third)
    fields = F.avg_pool2d(second, 3, stride=2).flatten(1)
    return torch.cat([F.normalize(fields), F.normalize(pooled)], 1), model.fc(pooled)


def fit(
    model: ImprovedResNet18,
    train: LabelledImages,
    validation: LabelledImages,
    rejected: float = REJECTED,
) -> NoveltyDetector:
    """Calibrate a network: divide its logits by the best temperature, and fit a novelty detector.

    Args:
        model: in evaluation mode, on the images' device. Its classifier is changed in place.
        train: images to fit the subspace of digits to.
        validation: images to fit temperature and threshold to; at least one.
        rejected: share of the validation images beyond the threshold, in [0, 1].
    """
    familiar, _ = _features_and_logits_of(model, train[:: math.ceil(len(train) / SUBSPACE_IMAGES)])
    features, logits = _features_and_logits_of(model, validation)
    divide_logits(model, fit_temperature(logits, validation.labels))
    mean = familiar.mean(0)
    _, _, directions = torch.linalg.svd(familiar - mean, full_matrices=False)
    components = directions[:COMPONENTS].T.contiguous()
    raw = NoveltyDetector(mean.cpu(), components.cpu(), 1.0)
    threshold = max(float(torch.quantile(raw.distance(features), 1 - rejected)), 1e-6)
    return NoveltyDetector(raw.mean, raw.components, threshold)


@torch.no_grad()
def divide_logits(model: ImprovedResNet18, temperature: float) -> None:
    """Divide a network's logits by `temperature`, by a change of its classifier's weights.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017.
    """
    for parameter in model.fc.parameters():
        parameter /= temperature


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Find the temperature that gives the lowest mean cross-entropy.

    Args:
        logits: (N, classes).
        labels: int64, (N,).

    Returns:
        The temperature, 0.05 to 20.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return float(F.cross_entropy(logits.double() / 10**log_temperature, labels))

    return float(10 ** minimize_scalar(loss, bounds=(-1.3, 1.3), method="bounded").x)


def _features_and_logits_of(model: ImprovedResNet18, digits: LabelledImages) -> tuple[Tensor, Tensor]:
    @torch.inference_mode()
    def of(batch: LabelledImages) -> tuple[Tensor, Tensor]:
        return features_and_logits(model, batch.ink())

    results = thread_team(digits.images.device).map(of, digits.batches(BATCH))
    features, logits = zip(*results, strict=True)
    return torch.cat(features), torch.cat(logits)
