"""Muon orthogonalizes steps as PyTorch's own Muon does, and takes SGD's steps in other groups."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from common.threads import ThreadTeam
from model import ImprovedResNet18
from training.optimizer import OPTIMIZERS, Muon, make_optimizer, orthogonalize

LR, DECAY = 0.1, 1.0


def train(parameter: nn.Parameter, gradients: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Return the parameter after a step with each gradient."""
    for gradient in gradients:
        parameter.grad = gradient.reshape(parameter.shape).clone()
        optimizer.step()
    return parameter.detach()


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(-6, 6), st.integers(0, 2**32))
def test_singular_values_become_one(rows, columns, magnitude, seed):
    generator = torch.Generator().manual_seed(seed)
    # Singular values within a factor of ten.
    left, _, right = torch.linalg.svd(torch.randn(rows, columns, generator=generator), full_matrices=False)
    values = 0.1 + 0.9 * torch.rand(min(rows, columns), generator=generator)
    found = orthogonalize(left @ torch.diag(values) @ right * 10**magnitude)
    assert found.shape == (rows, columns)
    assert ((torch.linalg.svdvals(found) > 0.6) & (torch.linalg.svdvals(found) < 1.3)).all()
    # The singular vectors stay: in their basis the matrix is diagonal and positive.
    inner = left.T @ found @ right.T
    torch.testing.assert_close(inner, torch.diag(inner.diagonal()), atol=0.01, rtol=0)
    assert (inner.diagonal() > 0.6).all()


def test_zeros_stay_zeros():
    assert not orthogonalize(torch.zeros(3, 5)).any()


@pytest.mark.parametrize("shape", [(6, 20), (20, 6)])
def test_the_steps_of_a_matrix_are_those_of_pytorchs_muon(shape):
    gradients = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    start = torch.ones(shape)
    kernel, matrix = nn.Parameter(start[:, :, None, None].clone()), nn.Parameter(start.clone())
    groups = [{"params": [kernel], "weight_decay": DECAY, "orthogonal": True}]
    ours = train(kernel, gradients, Muon(groups, LR, torch.bfloat16))
    stock = torch.optim.Muon([matrix], lr=LR, weight_decay=DECAY, momentum=0.9)
    theirs = train(matrix, gradients, stock)
    assert (theirs - start).abs().mean() > 0.05  # it has moved
    torch.testing.assert_close(ours.view(shape), theirs, atol=0.006, rtol=0)


def test_a_step_keeps_the_gradients_and_skips_parameters_without_one():
    moved, kept = (nn.Parameter(torch.ones(3, 4, 1, 1)) for _ in range(2))
    optimizer = Muon([{"params": [moved, kept], "weight_decay": DECAY, "orthogonal": True}], LR)
    gradient = torch.rand(3, 4)
    assert not torch.equal(train(moved, [gradient], optimizer), torch.ones(3, 4, 1, 1))
    assert torch.equal(moved.grad.flatten(1), gradient)
    assert torch.equal(kept, torch.ones(3, 4, 1, 1))
    assert list(optimizer.state) == [moved]


def test_a_closure_computes_the_gradients():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = Muon([{"params": [parameter]}], LR)

    def closure() -> Tensor:
        loss = parameter.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2
    assert (parameter < 1).all()


def test_the_steps_of_other_groups_are_those_of_sgd():
    gradients = [torch.randn(3, 4, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    ours, theirs = (nn.Parameter(torch.ones(3, 4)) for _ in range(2))
    groups = [{"params": [ours], "weight_decay": DECAY}]
    sgd = torch.optim.SGD([theirs], LR, momentum=0.9, nesterov=True, weight_decay=DECAY)
    assert torch.equal(train(ours, gradients, Muon(groups, LR)), train(theirs, gradients, sgd))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_only_kernels_and_matrices_decay(name):
    model = ImprovedResNet18()
    groups = make_optimizer(name, model, LR, DECAY).param_groups
    found = [parameter for group in groups for parameter in group["params"]]
    assert len(found) == len({id(parameter) for parameter in found}) == len(list(model.parameters()))
    for group in groups:
        assert all((parameter.ndim > 1) == (group["weight_decay"] == DECAY) for parameter in group["params"])


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="no optimizer is called 'adam'"):
        make_optimizer("adam", ImprovedResNet18(), LR, DECAY)


def test_muon_is_for_kernels_with_several_input_channels():
    model = ImprovedResNet18()
    *plain, kernels = make_optimizer("muon", model, LR, DECAY).param_groups
    assert kernels["orthogonal"]
    assert not any(group["orthogonal"] for group in plain)
    convolutions = [module.weight for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert {id(p) for p in kernels["params"]} == {id(weight) for weight in convolutions[1:]}


def test_threads_share_the_parameters():
    """Each is changed by one thread, and becomes what it would be on one."""
    together, alone = ImprovedResNet18(), ImprovedResNet18()
    alone.load_state_dict(together.state_dict())
    teams = {together: ThreadTeam(2), alone: None}
    optimizers = [make_optimizer("muon", model, LR, DECAY, team=team) for model, team in teams.items()]
    for _ in range(2):
        for mine, its in zip(together.parameters(), alone.parameters(), strict=True):
            mine.grad = its.grad = torch.randn_like(mine)
        for optimizer in optimizers:
            optimizer.step()
    for mine, its in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(mine, its)
    saved, expected = (optimizer.state_dict()["state"] for optimizer in optimizers)
    assert list(saved) == list(expected)
    assert len(saved) == len(list(together.parameters()))
