"""Made digits and what is no digit: their forms, their labels, and how training takes them."""

import numpy as np
import pytest
import torch

from common.messages import UserError
from data import LabelledImages, load_training
from evaluation import calibration
from evaluation.calibration import features_and_logits
from model import ImprovedResNet18
from preprocessing.glyph import draw_strokes
from training.made_digits import WRITERS, make_digit
from training.made_images import MadeImages
from training.non_digits import (
    IMAGE_MAKERS,
    NO_DIGIT,
    SHAPE_MAKERS,
    NonDigits,
    is_bar_or_ring,
    load_characters,
)
from training.recipe import RECIPES, Recipe
from training.run_folder import RunFolder
from training.step import targets_of
from training.trainer import Trainer

NO_CHARACTERS = np.empty((0, 28, 28), np.uint8)


@pytest.fixture(scope="module")
def digits():
    train, validation = load_training("digits", None)
    return train[:128], validation[:20]


def outline(strokes: list[np.ndarray]) -> np.ndarray:
    """Return width and height of strokes."""
    return np.ptp(np.concatenate(strokes), axis=0)


@pytest.mark.parametrize("label", WRITERS)
def test_made_digits_are_about_as_high_as_one_and_differ(label):
    rng = np.random.default_rng(label)
    drawn = [WRITERS[label](rng) for _ in range(50)]
    heights = [outline(strokes)[1] for strokes in drawn]
    assert min(heights) > 0.7
    assert max(heights) < 1.3
    glyphs = [draw_strokes(s, (*np.concatenate(s).min(0), *np.concatenate(s).max(0))) for s in drawn]
    assert np.std(glyphs, axis=0).max() > 0.2


def test_a_flag_rises_and_a_long_one_steeply():
    """A flatter one would be the roof of a 7."""
    rng, lengths = np.random.default_rng(0), []
    for _ in range(500):
        first = WRITERS[1](rng)[0]
        start, top = first[0], first[first[:, 1].argmin()]
        lengths.append(np.hypot(*(top - start)))
        rise = np.degrees(np.arctan2(start[1] - top[1], top[0] - start[0]))
        assert rise > (38 if lengths[-1] > 0.72 else 20)
    assert min(lengths) < 0.2
    assert max(lengths) > 0.95


def test_ones_are_the_most_frequent_and_threes_are_not_made():
    rng = np.random.default_rng(0)
    labels = [make_digit(rng)[0] for _ in range(400)]
    assert 120 < labels.count(1) < 200
    assert set(labels) == set(WRITERS)
    assert 3 not in WRITERS


@pytest.mark.parametrize("maker", SHAPE_MAKERS, ids=lambda maker: maker.__name__.strip("_"))
def test_shapes_can_be_drawn(maker):
    rng = np.random.default_rng(0)
    for _ in range(20):
        strokes = maker(rng)
        assert all(stroke.shape[1] == 2 and np.isfinite(stroke).all() for stroke in strokes)
        assert 0.3 < outline(strokes).max() < 3


@pytest.mark.parametrize("maker", IMAGE_MAKERS[1::2], ids=lambda maker: maker.__name__.strip("_"))
def test_images_of_digits_become_none(maker, digits):
    rng = np.random.default_rng(0)
    image = maker(digits[0], rng)
    assert image.shape == (28, 28)
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert 0.5 < image.max() <= 1


def test_bars_and_rings_are_no_examples_of_what_is_no_digit():
    y, x = np.mgrid[:28, :28] - 13.5
    bar = np.uint8(255 * ((abs(x) < 2) & (abs(y) < 10)))
    ring = np.uint8(255 * (abs(np.hypot(x, y) - 9) < 1))
    cross = np.maximum(bar, bar.T)
    assert is_bar_or_ring(bar)
    assert is_bar_or_ring(ring)
    assert is_bar_or_ring(0 * bar)
    assert not is_bar_or_ring(cross)
    assert not is_bar_or_ring(bar.T)
    assert not is_bar_or_ring(np.maximum(ring, bar))


def test_the_images_of_an_epoch(digits):
    maker = MadeImages(30, 40, NonDigits(NO_CHARACTERS, [(1, [np.array([(0.0, 0.0), (0.1, 1.0)])])]))
    made = maker.draw(digits[0], np.random.default_rng(3))
    assert len(made) == len(maker) == 70
    assert (made.labels[:30] < 10).all()
    assert (made.labels[30:] == NO_DIGIT).all()
    assert made.images.shape == (70, 1, 28, 28)
    assert (made.images.flatten(1).amax(1) > 100).all()
    again = maker.draw(digits[0], np.random.default_rng(3))
    assert torch.equal(made.images, again.images)


def test_characters_are_read_from_arrays(tmp_path):
    cross = np.zeros((40, 40), np.uint8)
    cross[18:22, 5:35] = cross[5:35, 18:22] = 255
    blank, bar = 0 * cross, np.pad(cross[:, 18:22], ((0, 0), (18, 18)))
    np.savez(tmp_path / "some.npz", images=np.stack([cross, blank, bar]))
    characters = load_characters([tmp_path / "some.npz"])
    assert characters.shape == (1, 28, 28)
    assert characters.dtype == np.uint8
    assert NonDigits(characters, []).digest() != NonDigits(NO_CHARACTERS, []).digest()


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: np.savez(path, labels=np.zeros(2)), 'lacks the array "images"'),
        (
            lambda path: np.savez(path, images=np.zeros((2, 9, 9))),
            '"images" must be uint8, (N, H, W), not float64',
        ),
        (lambda path: path.write_bytes(b"no archive"), "is damaged"),
        (lambda path: None, "cannot be read: No such file"),
    ],
)
def test_files_that_hold_no_characters_are_named(tmp_path, write, words):
    write(path := tmp_path / "some.npz")
    with pytest.raises(UserError) as caught:
        load_characters([path])
    assert words in str(caught.value)
    assert "some.npz" in str(caught.value)


def test_of_what_is_no_digit_all_probabilities_are_learned_to_be_equal():
    targets = targets_of(torch.tensor([3, NO_DIGIT]))
    assert targets[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert targets[1].tolist() == pytest.approx([0.1] * 10)


@pytest.mark.long
def test_training_makes_the_network_unsure_of_what_is_no_digit(digits):
    """The same recipe, with and without."""
    train, validation = digits
    surprise = {}
    for count in (0, 128):
        made = MadeImages(0, count, NonDigits(NO_CHARACTERS, [])) if count else None
        recipe = Recipe(epochs=6, batch_size=32, dropout=0, non_digits=count)
        trainer = Trainer(recipe, train, validation, torch.device("cpu"), made=made)
        assert trainer.steps_per_epoch == (128 + count) // 32
        while trainer.epoch < recipe.epochs:
            trainer.train_epoch()
            trainer.finish_epoch()
        others = NonDigits(NO_CHARACTERS, []).draw(100, train, np.random.default_rng(9))
        with torch.inference_mode():
            surprise[count] = trainer.model.eval()(others.ink()).softmax(1).amax(1).mean().item()
    assert surprise[128] < surprise[0] - 0.1


def test_the_ink_recipe_teaches_and_makes():
    recipe = RECIPES["ink"]
    assert recipe.made_digits
    assert recipe.non_digits
    assert recipe.teacher_temperature > 1


def test_the_images_to_fit_a_subspace_to_are_digits(digits, tmp_path, monkeypatch):
    train, validation = digits
    recipe = Recipe(epochs=1, batch_size=32, dropout=0, non_digits=64)
    made = MadeImages(0, 64, NonDigits(NO_CHARACTERS, []))
    trainer = Trainer(recipe, train, validation, torch.device("cpu"), made=made)
    trainer.train_epoch()
    trainer.finish_epoch()
    seen: list = []
    run = RunFolder.create(tmp_path / "run", "digits", 0)
    fit = calibration.fit

    def noted(model: ImprovedResNet18, images: LabelledImages, *rest: object) -> calibration.NoveltyDetector:
        seen.extend([images, list(rest)[1:]])
        return fit(model, images, *rest)

    monkeypatch.setattr(calibration, "fit", noted)
    weights = run.finish(trainer)
    assert (seen[0].labels < NO_DIGIT).all()
    assert len(seen[0]) == len(train)
    distances = weights.calibration.distance(features_and_logits(weights.model, validation.ink())[0])
    assert (distances < 1).float().mean() >= 0.95  # of 20, all but one at most
    assert seen[1] == [calibration.REJECTED_IF_TAUGHT]
