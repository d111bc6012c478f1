"""Tests of the network and its file."""

import pytest
import torch

from checkpointing.archive import CheckpointError
from pages.finder import WEIGHTS
from pages.ink_network import HEIGHT_STEP, InkNetwork, load, save


def test_outputs_have_the_size_of_the_picture():
    with torch.inference_mode():
        logits, heights = InkNetwork().eval()(torch.rand(2, 3, 64, 96))
    assert logits.shape == (2, 64, 96)
    assert heights.shape == (2, 64 // HEIGHT_STEP, 96 // HEIGHT_STEP)


def test_the_network_and_its_file_are_small():
    assert sum(weights.numel() for weights in InkNetwork().parameters()) < 300_000
    assert WEIGHTS.stat().st_size < 2**20


def test_a_saved_network_finds_the_same(tmp_path):
    torch.manual_seed(0)
    network = InkNetwork().eval()
    save(tmp_path / "net.pt", network, {"seed": 0})
    picture = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        before, after = network(picture), load(tmp_path / "net.pt")(picture)
    for old, new in zip(before, after, strict=True):
        torch.testing.assert_close(old, new, atol=0.02, rtol=0.02)  # half precision


@pytest.mark.parametrize("damage", [lambda raw: raw[:-9], lambda raw: b"PK" + bytes(99), lambda raw: b""])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, damage):
    save(tmp_path / "net.pt", InkNetwork(), {"seed": 0})
    broken = tmp_path / "broken.pt"
    broken.write_bytes(damage((tmp_path / "net.pt").read_bytes()))
    with pytest.raises(CheckpointError, match=r"broken\.pt") as error:
        load(broken)
    assert "\n" not in str(error.value)


def test_a_file_of_another_network_is_refused():
    from checkpointing.lookup import SHIPPED

    with pytest.raises(CheckpointError, match="not ink network"):
        load(SHIPPED["mnist"])
