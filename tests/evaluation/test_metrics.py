"""The figures of the report, compared with scikit-learn's and with values computed by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, classification_report, log_loss

from evaluation.metrics import expected_calibration_error, format_score, score

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def readings():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 500)
    logits = rng.normal(size=(500, 3)) + 2 * np.eye(3)[labels]
    return logits - np.log(np.exp(logits).sum(1, keepdims=True)), labels


def test_score_agrees_with_scikit_learn(readings):
    log_p, labels = readings
    figures, guesses = score(log_p, labels, NAMES), log_p.argmax(1)
    assert figures["n"] == 500
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, guesses))
    assert figures["errors"] == (guesses != labels).sum()
    assert figures["loss"] == pytest.approx(log_loss(labels, np.exp(log_p)))
    expected = classification_report(labels, guesses, target_names=NAMES, output_dict=True)
    for name in NAMES:
        assert figures["per_class"][name] == pytest.approx(
            {key.replace("-score", ""): value for key, value in expected[name].items()}
        )
    matrix = np.array(figures["confusion_matrix"])
    assert matrix.sum() == 500
    assert matrix.trace() == 500 - figures["errors"]
    first = figures["confusions"][0]
    counts = matrix - np.diag(matrix.diagonal())
    assert (
        first["count"] == counts.max() == counts[NAMES.index(first["truth"]), NAMES.index(first["read_as"])]
    )


def test_wilson_interval():
    """Computed by hand for 19 errors of 10,000."""
    log_p = np.log(np.full((10_000, 2), 1e-9))
    log_p[:, 0] = 0
    labels = np.array([1] * 19 + [0] * 9_981)
    low, high = score(log_p, labels, ["0", "1"])["accuracy_95"]
    z, p, n = 1.959964, 0.9981, 10_000
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert low == pytest.approx((middle - half) / (1 + z * z / n), abs=1e-6)
    assert high == pytest.approx((middle + half) / (1 + z * z / n), abs=1e-6)


def test_calibration_error():
    sure = np.tile([1.0, 0.0], (4, 1))
    assert expected_calibration_error(sure, np.zeros(4, int)) == 0
    assert expected_calibration_error(sure, np.array([0, 0, 0, 1])) == pytest.approx(0.25)
    # Two bins: 0.9 and right half of the time, 0.6 and always right; each holds half of the images.
    mixed = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    assert expected_calibration_error(mixed, np.array([0, 1, 0, 0])) == pytest.approx((0.4 + 0.4) / 2)


def test_a_perfect_and_an_absent_class():
    log_p = np.log(np.array([[0.98, 0.01, 0.01]] * 3))
    figures = score(log_p, np.zeros(3, int), NAMES)
    assert (figures["errors"], figures["confusions"]) == (0, [])
    assert figures["per_class"]["c"]["support"] == 0
    assert "none" in format_score(figures, "title")
