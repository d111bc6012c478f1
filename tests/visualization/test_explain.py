"""Grad-CAM shows what speaks for a digit, and does not change the model."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from checkpointing import checkpoint, lookup
from data import load_training
from visualization.explain import grad_cam


@pytest.fixture(scope="module")
def model():
    return checkpoint.load(lookup.find("shipped")).model


@pytest.fixture(scope="module")
def glyphs(mnist_dir):
    """One validation image of each class."""
    validation = load_training("mnist", mnist_dir)[1]
    first = [int(torch.nonzero(validation.labels == digit)[0]) for digit in range(10)]
    return validation[torch.tensor(first)].ink()[:, 0].numpy()


class Dot(nn.Module):
    """A network whose maps are every fourth pixel, centred as in the real one; logits are ink and -ink."""

    def __init__(self) -> None:
        super().__init__()
        middle = torch.zeros(1, 1, 3, 3)
        middle[..., 1, 1] = 1
        conv = nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)
        conv.weight.data = middle
        self.layer2 = nn.Sequential(nn.MaxPool2d(2), conv)

    def stages(self, ink: torch.Tensor) -> list[torch.Tensor]:
        return [self.layer2(ink)] * 3

    def pool(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.mean((2, 3))

    def fc(self, mass: torch.Tensor) -> torch.Tensor:
        return torch.cat([mass, -mass], 1)


@pytest.mark.parametrize(("row", "column"), [(12, 16), (4, 20)])
def test_heat_lies_where_the_evidence_is(row, column):
    """The heat of a dot of 2x2 pixels is centred on it; nothing speaks for the logit that it lowers."""
    glyph = np.zeros((28, 28), np.float32)
    glyph[row : row + 2, column : column + 2] = 1
    heat = grad_cam(Dot().eval(), glyph, digit=0)
    at = np.arange(28)
    assert heat.sum(1) @ at / heat.sum() == pytest.approx(row + 0.5)
    assert heat.sum(0) @ at / heat.sum() == pytest.approx(column + 0.5)
    assert heat[row : row + 2, column : column + 2].min() == heat.max()
    assert not grad_cam(Dot().eval(), glyph, digit=1).any()


def test_real_digits(model, glyphs):
    for digit, glyph in enumerate(glyphs):
        heat = grad_cam(model, glyph, digit)
        assert heat.shape == (28, 28)
        assert heat.dtype == np.float32
        assert heat.min() >= 0
        assert heat.max() == 1
        others = [grad_cam(model, glyph, other) for other in range(10) if other != digit]
        assert min(np.abs(heat - other).mean() for other in others) > 0.02


def test_hot_ink_speaks_for_the_runner_up(model, mnist_dir):
    """Removing the hottest fifth of the ink lowers the runner-up's logit; removing the coldest raises it."""
    hot, cold = 0.0, 0.0
    for ink in load_training("mnist", mnist_dir)[1][:50].ink():
        with torch.inference_mode():
            runner_up = int(model(ink[None])[0].topk(2).indices[1])
            order = np.argsort(np.where(ink[0] > 0.2, grad_cam(model, ink[0].numpy(), runner_up), -1), None)
            inked = int((ink > 0.2).sum())
            views = ink.flatten().repeat(3, 1)
            views[1, order[-(inked // 5) :]] = 0
            views[2, order[-inked : -inked + inked // 5]] = 0
            whole, without_hot, without_cold = model(views.view(3, 1, 28, 28))[:, runner_up]
        hot += float(whole - without_hot)
        cold += float(whole - without_cold)
    assert hot > 0 > cold


def test_the_model_is_not_changed(model, glyphs):
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    grad_cam(model, glyphs[3], 3)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_invalid_ink_is_refused(model, glyphs):
    with pytest.raises(ValueError, match="shape"):
        grad_cam(model, glyphs[3][:20], 3)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        grad_cam(model, 255 * glyphs[3], 3)


def test_inside_inference_mode_and_on_a_frozen_model(glyphs):
    model = checkpoint.load(lookup.find("shipped")).model
    expected = grad_cam(model, glyphs[5], 5)
    with torch.inference_mode():
        np.testing.assert_array_equal(grad_cam(model, glyphs[5], 5), expected)
    np.testing.assert_array_equal(grad_cam(model.requires_grad_(False), glyphs[5], 5), expected)


def test_training_mode_is_refused(glyphs):
    model = checkpoint.load(lookup.find("shipped")).model.train()
    with pytest.raises(ValueError, match="evaluation mode"):
        grad_cam(model, glyphs[5], 5)


def test_thread_safety(model, glyphs):
    """Threads that run the same model at once all get the right map."""
    expected = [grad_cam(model, glyph, digit) for digit, glyph in enumerate(glyphs)]
    found = [[] for _ in glyphs]

    def work(digit: int) -> None:
        for _ in range(10):
            found[digit].append(grad_cam(model, glyphs[digit], digit))

    threads = [threading.Thread(target=work, args=(digit,)) for digit in range(len(glyphs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for heats, heat in zip(found, expected, strict=True):
        assert len(heats) == 10
        for each in heats:
            np.testing.assert_array_equal(each, heat)
