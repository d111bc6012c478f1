"""The network's 128-dimensional features of many images in two dimensions, near what they are near to."""

import contextlib
import re

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from tqdm import tqdm

from data import LabelledImages
from evaluation.metrics import BATCH
from model import ImprovedResNet18

REDUCED = 30  # dimensions that t-SNE starts from; they hold 99 % of the variance
SEED = 0


def compute_features(model: ImprovedResNet18, digits: LabelledImages) -> tuple[np.ndarray, np.ndarray]:
    """Features, float32 (N, 128), and readings, int64 (N,), in evaluation mode. Shows a bar."""
    features, readings = [], []
    model.eval()
    with torch.inference_mode():
        for batch in tqdm(digits.batches(BATCH), "features", disable=None, leave=False):
            features.append(model.features(batch.ink()))
            readings.append(model.fc(features[-1]).argmax(1))
    return torch.cat(features).cpu().numpy(), torch.cat(readings).cpu().numpy()


def choose(wrong: np.ndarray, count: int) -> np.ndarray:
    """Ascending indices of at most `count` images: of those that are `wrong`, bool (N,), then any others."""
    shuffled = np.random.RandomState(SEED).permutation(len(wrong))
    return np.sort(shuffled[np.argsort(~wrong[shuffled], kind="stable")][:count])


def embed(features: np.ndarray, method: str) -> np.ndarray:
    """The features in two dimensions: float, (N, 2). The same for the same input; shows a bar.

    Args:
        features: float, (N, dimensions), N above 30.
        method: "pca", a shadow of the features that takes no time, or "tsne", which keeps neighbours
            together (van der Maaten and Hinton, 2008) and takes about a minute for 10,000.
    """
    if method == "pca":
        return PCA(2, random_state=SEED).fit_transform(features)
    reduced = PCA(min(REDUCED, *features.shape), random_state=SEED).fit_transform(features)
    tsne = TSNE(init="pca", random_state=SEED, verbose=2)
    bar = tqdm(total=tsne.max_iter, desc="t-SNE", disable=None, leave=False)
    with bar, contextlib.redirect_stdout(_Progress(bar)):
        return tsne.fit_transform(reduced)


class _Progress:
    """Moves a bar on by what t-SNE prints, as in "[t-SNE] Iteration 50: ..."; it tells in no other way."""

    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def write(self, text: str) -> None:
        if found := re.search(r"Iteration (\d+)", text):
            self.bar.update(int(found[1]) - self.bar.n)

    def flush(self) -> None:
        pass
