"""Embed the network's 128-dimensional features of many images in two dimensions."""

import contextlib
import re

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from tqdm import tqdm

from data import LabelledImages
from model import ImprovedResNet18

BATCH = 100  # as `evaluation.metrics.BATCH`, which this package may not import
PCA_DIMENSIONS = 30  # that t-SNE starts from; they contain 99 % of the variance
SEED = 0


def compute_features(model: ImprovedResNet18, digits: LabelledImages) -> tuple[np.ndarray, np.ndarray]:
    """Compute the features and readings of images, in evaluation mode, with a progress bar.

    Args:
        model: the network.
        digits: N images, on the device of the model.

    Returns:
        The pooled features, float32 (N, 128), and the predicted classes, int64 (N,).
    """
    features, readings = [], []
    model.eval()
    with torch.inference_mode():
        for batch in tqdm(digits.batches(BATCH), "features", disable=None, leave=False):
            features.append(model.features(batch.ink()))
            readings.append(model.fc(features[-1]).argmax(1))
    return torch.cat(features).cpu().numpy(), torch.cat(readings).cpu().numpy()


def choose(wrong: np.ndarray, count: int) -> np.ndarray:
    """Choose images to show: misread ones first, then random others.

    Args:
        wrong: bool, (N,), whether each image is misread.
        count: maximum number of images.

    Returns:
        Indices in ascending order, the same for the same arguments.
    """
    shuffled = np.random.RandomState(SEED).permutation(len(wrong))
    return np.sort(shuffled[np.argsort(~wrong[shuffled], kind="stable")][:count])


def embed(features: np.ndarray, method: str) -> np.ndarray:
    """Embed features in two dimensions, with a progress bar for t-SNE.

    Args:
        features: float, (N, dimensions), N above 30.
        method: "pca", a linear projection that takes a second, or "tsne", which preserves neighbourhoods and
            takes about a minute for 10,000 images.

    Returns:
        float, (N, 2), the same for the same arguments.

    Source:
        van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008.
    """
    if method == "pca":
        return PCA(2, random_state=SEED).fit_transform(features)
    reduced = PCA(min(PCA_DIMENSIONS, *features.shape), random_state=SEED).fit_transform(features)
    tsne = TSNE(init="pca", random_state=SEED, verbose=2)
    bar = tqdm(total=tsne.max_iter, desc="t-SNE", disable=None, leave=False)
    with bar, contextlib.redirect_stdout(_Progress(bar)):
        return tsne.fit_transform(reduced)


class _Progress:
    """Parses "[t-SNE] Iteration 50: ..." from scikit-learn's output, its only report, to update a bar."""

    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def write(self, text: str) -> None:
        """Update the bar if `text` has the number of an iteration."""
        if found := re.search(r"Iteration (\d+)", text):
            self.bar.update(int(found[1]) - self.bar.n)

    def flush(self) -> None:
        """Do nothing; files have this method."""
