"""The network's layers and sizes, its checks of the input, and its export."""

import pytest
import torch
import torch.fx
from torch import nn

from model import MNIST_MEAN, MNIST_STD, ImprovedResNet18, check_ink

SHAPES = {
    "stem": (32, 14, 14),
    "layer1": (32, 14, 14),
    "layer1.0": (32, 14, 14),
    "layer1.1": (32, 14, 14),
    "layer2": (64, 7, 7),
    "layer2.0": (64, 7, 7),
    "layer2.1": (64, 7, 7),
    "layer3": (128, 4, 4),
    "layer3.0": (128, 4, 4),
    "layer3.1": (128, 4, 4),
    "pool": (128,),
    "dropout": (128,),
    "fc": (10,),
}


def test_parameters():
    model = ImprovedResNet18()
    assert sum(parameter.numel() for parameter in model.parameters()) == 696_042
    assert all(conv.bias is None for conv in model.modules() if isinstance(conv, nn.Conv2d))
    assert model.dropout.p == 0.5


def test_shape_after_every_layer():
    model, seen = ImprovedResNet18().eval(), {}
    for name in SHAPES:
        hook = lambda module, args, output, name=name: seen.update({name: tuple(output.shape[1:])})  # noqa: E731
        model.get_submodule(name).register_forward_hook(hook)
    model(torch.rand(2, 1, 28, 28))
    assert seen == SHAPES


def test_residual_block_adds_its_shortcut():
    block = ImprovedResNet18().layer2[0].eval()
    x = torch.randn(3, 32, 14, 14)
    straight = block.bn2(block.conv2(block.bn1(block.conv1(x)).relu()))
    torch.testing.assert_close(block(x), (straight + block.downsample(x)).relu())


def test_normalisation_is_inside():
    """The input of the first convolution is the ink minus MNIST's mean, divided by its standard deviation."""
    model, seen = ImprovedResNet18().eval(), []
    model.stem.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    ink = torch.rand(1, 1, 28, 28)
    model(ink)
    torch.testing.assert_close(seen[0], (ink - MNIST_MEAN) / MNIST_STD)
    assert {"mean", "std"} <= model.state_dict().keys()


def test_classes_and_batch_sizes():
    model = ImprovedResNet18(num_classes=3).eval()
    ink = torch.rand(5, 1, 28, 28)
    assert model(ink).shape == (5, 3)
    torch.testing.assert_close(model(ink[:1]), model(ink)[:1])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_every_floating_dtype_is_accepted(dtype):
    model, ink = ImprovedResNet18().eval(), torch.rand(2, 1, 28, 28).to(dtype)
    torch.testing.assert_close(model(ink), model(ink.float()))


@pytest.mark.parametrize(
    ("ink", "words"),
    [
        (torch.rand(28, 28), "shape"),
        (torch.rand(2, 1, 28, 28).numpy(), "ndarray"),
        (torch.rand(2, 3, 28, 28), "shape"),
        (torch.rand(2, 1, 32, 32), "shape"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "uint8"),
    ],
)
def test_other_shapes_and_dtypes_are_refused(ink, words):
    model = ImprovedResNet18()
    for check in (model, model.features, model.stages, check_ink):
        with pytest.raises(ValueError, match=words):
            check(ink)


@pytest.mark.parametrize("value", [255.0, -0.01, float("nan")])
def test_values_out_of_range_are_refused_where_ink_is_checked(value):
    """Not in the network: a GPU would have to wait for the answer."""
    ink = torch.full((2, 1, 28, 28), value)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        check_ink(ink)
    assert ImprovedResNet18().eval()(ink).shape == (2, 10)


def test_checked_ink_is_returned():
    ink = torch.rand(2, 1, 28, 28)
    assert check_ink(ink) is ink


# export


@pytest.fixture
def trained() -> ImprovedResNet18:
    """A network in evaluation mode whose batch norms have statistics."""
    model = ImprovedResNet18()
    model(torch.rand(16, 1, 28, 28))
    return model.eval()


@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.long)])
def test_an_exported_network_computes_the_same_for_any_batch_size(trained, strict):
    example = (torch.rand(2, 1, 28, 28),)
    any_size = ({0: torch.export.Dim.DYNAMIC},)
    exported = torch.export.export(trained, example, dynamic_shapes=any_size, strict=strict).module()
    for count in (1, 2, 7):
        ink = torch.rand(count, 1, 28, 28)
        torch.testing.assert_close(exported(ink), trained(ink))


def test_a_traced_network_computes_and_refuses_the_same(trained):
    traced = torch.fx.symbolic_trace(trained)
    for count in (1, 7):
        ink = torch.rand(count, 1, 28, 28)
        torch.testing.assert_close(traced(ink), trained(ink))
    with pytest.raises(ValueError, match="shape"):
        traced(torch.rand(1, 1, 32, 32))


@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"dropout": 1.0}, {"dropout": -0.1}, {"width": 0}])
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        ImprovedResNet18(**arguments)


def test_width_multiplies_all_channels():
    narrow, wide = ImprovedResNet18(width=1).state_dict(), ImprovedResNet18(width=2).state_dict()
    assert {name: tensor.shape for name, tensor in ImprovedResNet18().state_dict().items()} == {
        name: tensor.shape for name, tensor in narrow.items()
    }
    assert narrow.keys() == wide.keys()
    for name, tensor in narrow.items():
        fixed = (1, 10)  # channels of the image, and classes
        expected = [
            size if place < 2 and size in fixed else 2 * size for place, size in enumerate(tensor.shape[:2])
        ]
        assert list(wide[name].shape) == [*expected, *tensor.shape[2:]], name
    assert ImprovedResNet18(width=2).eval()(torch.rand(3, 1, 28, 28)).shape == (3, 10)
