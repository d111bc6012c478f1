"""Replicas share weights, add up their gradients in a fixed order, and average batch norm's statistics."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data import load_training
from model import ImprovedResNet18
from tests.support.project import same_weights
from tests.training.test_trainer import PRECISION, assert_resumed_ends_as, finish
from training.augmentation import Augmentation
from training.distillation import Committee
from training.distributed import World
from training.recipe import Recipe
from training.replicas import Replicas, SeededDropout, replica_count, seed_dropout, statistics
from training.trainer import Trainer

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=2, batch_size=128)
UNDISTORTED = Augmentation(rotation=0, scale=0, shear=0, shift=0, elastic=0)
LEARNS_FAST = Recipe(epochs=9, batch_size=128, lr=0.1, augmentation=UNDISTORTED)


@pytest.fixture(scope="module")
def digits():
    train, validation = load_training("digits", None)
    return train[:256], validation[:50]  # two steps an epoch


@pytest.fixture(scope="module")
def teacher(digits) -> Committee:
    return Committee([finish(Trainer(LEARNS_FAST, *digits, CPU)).best_model()])


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def made_replicas(count: int) -> tuple[ImprovedResNet18, Replicas]:
    torch.manual_seed(0)
    model = ImprovedResNet18(dropout=0)
    return model, Replicas(model, count, 1, World(), average_statistics=True)


def test_gradients_and_statistics_are_those_of_the_shares_computed_one_after_another(digits):
    """In every bit, with shares of different size."""
    batch = digits[0][:130]
    ink, labels = batch.ink(), batch.labels

    def compute(network: nn.Module, part: World) -> Tensor:
        share = part.share(len(labels))
        loss = F.cross_entropy(network(ink[share]), labels[share], reduction="sum") / len(labels)
        loss.backward()
        return loss.detach()

    model, replicas = made_replicas(3)
    gradients, moments, losses = [], [], []
    for part in replicas.parts:
        alone, _ = made_replicas(1)
        losses.append(compute(alone, part))
        gradients.append([parameter.grad for parameter in alone.parameters()])
        moments.append(list(statistics(alone)))
    for _ in range(2):  # what the replicas keep from the first step does not change the second
        for tensor, start in zip(statistics(model), statistics(made_replicas(1)[0]), strict=True):
            tensor.copy_(start)
        assert torch.equal(replicas.gradients(compute), sum(losses[1:], start=losses[0]))
        for parameter, parts in zip(model.parameters(), zip(*gradients, strict=True), strict=True):
            assert torch.equal(parameter.grad, sum(parts[1:], start=parts[0]))
        for tensor, parts in zip(statistics(model), zip(*moments, strict=True), strict=True):
            assert torch.equal(tensor, sum(parts[1:], start=parts[0]) / 3)


def test_replicas_share_weights_also_those_that_are_loaded():
    model, replicas = made_replicas(2)
    other = replicas.networks[1]
    model.load_state_dict({name: tensor + 1 for name, tensor in model.state_dict().items()})
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    assert not same_weights(model.state_dict(), other.state_dict())  # statistics are their own


@pytest.mark.parametrize(
    ("threads", "share", "count"),
    [(1, 128, 1), (2, 128, 2), (2, 127, 1), (4, 128, 2), (4, 256, 4), (3, 128, 1), (3, 256, 3), (64, 256, 4)],
)
def test_each_replica_has_enough_images_and_as_many_threads(threads, share, count):
    assert replica_count(threads, share) == count


@pytest.mark.usefixtures("two_threads")
class TestTwoThreads:
    @pytest.mark.long
    @pytest.mark.parametrize("changed", [{}, {"optimizer": "muon", "dropout": 0.5}])
    def test_a_resumed_run_ends_the_same(self, digits, changed):
        recipe = Recipe(**{**vars(RECIPE), **changed})
        unbroken = finish(Trainer(recipe, *digits, CPU, PRECISION))
        assert len(unbroken.replicas.networks) == 2
        assert_resumed_ends_as(unbroken, digits, 3)

    @pytest.mark.long
    def test_replicas_learn_from_a_teacher(self, digits, teacher):
        """As much as one network that sees the whole batch, up to the statistics of batch norm."""
        errors = {}
        for sync in (False, True):
            recipe = replace(LEARNS_FAST, teacher_temperature=4, sync_batch_norm=sync)
            trainer = Trainer(recipe, *digits, CPU, teacher=teacher)
            assert len(trainer.replicas.networks) == (1 if sync else 2)
            torch.set_num_threads(1 if sync else 2)  # two would wait for one another in every operator
            errors[sync] = finish(trainer).history[-1]["train_error"]
        assert errors[True] < 0.3
        assert errors[False] < errors[True] + 0.1

    def test_mixup_blends_the_whole_batch(self, digits):
        recipe = Recipe(**{**vars(RECIPE), "augmentation": Augmentation(mixup=0.5)})
        assert len(Trainer(recipe, *digits, CPU).replicas.networks) == 1


def test_seeded_dropout_is_dropout_with_numbers_of_its_own():
    torch.manual_seed(0)
    layer, x = nn.Sequential(nn.Dropout(0.25)), torch.ones(100, 100)
    layer[0].__class__ = SeededDropout
    before = torch.get_rng_state()
    seed_dropout(layer, 5)
    first = layer(x)
    assert torch.equal(layer(x), first)
    assert first.unique().tolist() == pytest.approx([0, 4 / 3])
    assert first.mean().item() == pytest.approx(1, abs=0.05)
    seed_dropout(layer, 6)
    assert not torch.equal(layer(x), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert layer.eval()(x) is x
