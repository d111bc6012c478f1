"""Calibration: the temperature and the novelty detector."""

import pytest
import torch
import torch.nn.functional as F

from data import load_training
from evaluation.calibration import features_and_logits, fit, fit_temperature
from model import ImprovedResNet18


def test_the_temperature_of_scaled_logits_is_found():
    torch.manual_seed(0)
    logits = 3 * torch.randn(2000, 10)
    labels = torch.multinomial(logits.softmax(1), 1)[:, 0]
    for scale in (0.5, 1.0, 4.0):
        assert fit_temperature(logits * scale, labels) == pytest.approx(scale, rel=0.1)


def test_calibration_lowers_the_loss_and_takes_most_digits_for_digits():
    torch.manual_seed(0)
    train, validation = load_training("digits", None)
    model = ImprovedResNet18().eval()
    with torch.no_grad():
        model.fc.weight.mul_(20)  # overconfident
        before = F.cross_entropy(model(validation.ink()), validation.labels)
        detector = fit(model, train[:200], validation)
        features, logits = features_and_logits(model, validation.ink())
    assert F.cross_entropy(logits, validation.labels) < before
    torch.testing.assert_close(logits, model(validation.ink()), atol=1e-4, rtol=1e-4)
    assert (detector.distance(features) <= 1).float().mean() == pytest.approx(0.99, abs=0.01)
    assert features.norm(dim=1).tolist() == pytest.approx([2**0.5] * len(validation))
