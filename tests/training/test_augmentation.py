"""Distortions: values stay in range, each image has its own parameters, units are as documented."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.augmentation import Augmentation

NO_AUGMENTATION = Augmentation(rotation=0, scale=0, shear=0, shift=0, elastic=0, erase=0)


def ink(count: int = 8) -> torch.Tensor:
    """Return smooth blobs, off-centre so that a wrong axis or sign is noticed."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    blob = torch.exp(-((x - 10) ** 2 + (y - 16) ** 2) / 12)
    return blob.expand(count, 1, 28, 28).clone()


def centre(images: torch.Tensor) -> torch.Tensor:
    """Return the centres of mass as (x, y), (N, 2)."""
    mass = images[:, 0]
    total, grid = mass.sum((1, 2)), torch.arange(28.0)
    return torch.stack([mass.sum(1) @ grid / total, mass.sum(2) @ grid / total], dim=1)


def distort(images: torch.Tensor, augmentation: Augmentation, seed: int = 0) -> torch.Tensor:
    return augmentation.draw(len(images), torch.Generator().manual_seed(seed)).apply(images)


def test_without_distortion_images_are_unchanged():
    torch.testing.assert_close(distort(ink(), NO_AUGMENTATION), ink(), atol=1e-5, rtol=0)


strengths = st.builds(
    Augmentation,
    rotation=st.floats(0, 180),
    scale=st.floats(0, 0.9),
    shear=st.floats(0, 2),
    shift=st.floats(0, 40),
    elastic=st.floats(0, 10),
    erase=st.floats(0, 1),
    erase_size=st.floats(2, 40),
    pen=st.floats(0, 1),
    mixup=st.floats(0, 1),
)


@settings(max_examples=50, deadline=None)
@given(augmentation=strengths, seed=st.integers(0, 2**64 - 1), count=st.integers(1, 5))
def test_distorted_ink_stays_in_range_at_any_strength(augmentation, seed, count):
    before = torch.rand(count, 1, 28, 28)
    kept = before.clone()
    after = distort(before, augmentation, seed)
    assert after.shape == before.shape
    assert after.dtype == torch.float32
    assert after.min() >= 0
    assert after.max() <= 1
    assert torch.equal(before, kept)


def test_the_generator_determines_the_distortion():
    strong = Augmentation(erase=0.5)
    assert torch.equal(distort(ink(), strong, 3), distort(ink(), strong, 3))
    assert not torch.equal(distort(ink(), strong, 3), distort(ink(), strong, 4))


def test_each_image_has_its_own_parameters():
    after = distort(ink(50), Augmentation())
    assert len(after.flatten(1).unique(dim=0)) == 50


def test_a_share_of_a_batch_is_distorted_as_within_the_batch():
    drawn = Augmentation(erase=0.5).draw(8, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn[2:5].apply(ink()[2:5]), drawn.apply(ink())[2:5])


@pytest.mark.parametrize("axis", [0, 1])
def test_shift_is_in_pixels(axis):
    moved = centre(distort(ink(2000), Augmentation(**{**vars(NO_AUGMENTATION), "shift": 3}))) - torch.tensor(
        [10.0, 16.0]
    )
    assert 2.9 < moved[:, axis].abs().max() <= 3.01
    assert moved[:, axis].mean().abs() < 0.2


def test_elastic_is_in_pixels():
    moved = centre(distort(ink(2000), Augmentation(**{**vars(NO_AUGMENTATION), "elastic": 0.5})))
    assert 0.15 < moved.std(0).min() <= moved.std(0).max() < 0.4  # the blob spans some nodes


def test_rotation_is_in_degrees():
    start = torch.tensor([10.0, 16.0]) - 13.5
    after = centre(distort(ink(2000), Augmentation(**{**vars(NO_AUGMENTATION), "rotation": 30}))) - 13.5
    angle = torch.rad2deg(torch.atan2(after[:, 1], after[:, 0]) - torch.atan2(start[1], start[0]))
    assert 29 < angle.abs().max() < 30.5


def test_erase_blanks_boxes():
    white = torch.ones(2000, 1, 28, 28)
    blanked = distort(white, Augmentation(**{**vars(NO_AUGMENTATION), "erase": 0.25, "erase_size": 6}))
    missing = (blanked == 0).flatten(1).sum(1)
    assert 0.2 < (missing > 0).float().mean() < 0.3
    assert missing.max() <= 7 * 7


def test_pen_makes_strokes_thinner_and_thicker():
    line = torch.zeros(2000, 1, 28, 28)
    line[..., 13:15] = 1  # two pixels wide
    width = distort(line, Augmentation(**{**vars(NO_AUGMENTATION), "pen": 1})).sum((1, 3)).mean(1)
    assert width.min() < 0.1
    assert width.max() > 3.9
    assert 1.9 < width.mean() < 2.1


def test_mixup_blends_ink_and_labels_in_the_same_way():
    first, second = torch.zeros(1000, 1, 28, 28), torch.ones(1000, 1, 28, 28)
    images, labels = torch.cat([first, second]), torch.arange(2).repeat_interleave(1000)
    generator = torch.Generator().manual_seed(0)
    distortion = Augmentation(**{**vars(NO_AUGMENTATION), "mixup": 0.5}).draw(2000, generator)
    mixed, shares = distortion.apply(images), distortion.mix(torch.eye(2)[labels])
    # The share of the brighter image is both the mean brightness and the share of its class.
    torch.testing.assert_close(mixed[:, 0, 14, 14], shares[:, 1], atol=1e-5, rtol=0)
    touched = (shares != torch.eye(2)[labels]).any(1)
    assert 0.46 < touched.float().mean() < 0.54
    assert 0.45 < (1 - shares[:1000, 0])[touched[:1000]].mean() < 0.55
