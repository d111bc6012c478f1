"""Optimizers: SGD with Nesterov momentum, and Muon, which orthogonalizes the steps of kernels."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from common.threads import ThreadTeam

OPTIMIZERS = {"sgd": "SGD", "muon": "Muon"}
MOMENTUM = 0.9
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of Jordan et al.: few iterations, not exact
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """SGD with Nesterov momentum whose steps in some parameter groups are orthogonalized.

    For a kernel in a group with "orthogonal", the step of SGD, as a matrix of shape (out_channels,
    in_channels * height * width), is replaced by approximately the nearest matrix with singular values of 1.
    Weight decay of these groups is decoupled. `torch.optim.Muon` does the same, but only for matrices.

    Args:
        groups: parameter groups; "orthogonal" is False by default.
        lr: learning rate of all groups. Orthogonal steps of matrices with more rows than columns are
            multiplied by sqrt(rows / columns).
        dtype: dtype in which steps are orthogonalized.
        team: threads that share the parameters; None for the calling one.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        lr: float,
        dtype: torch.dtype = torch.float32,
        team: ThreadTeam | None = None,
    ) -> None:
        defaults = {"lr": lr, "momentum": MOMENTUM, "weight_decay": 0.0, "orthogonal": False}
        super().__init__(groups, defaults)
        self.dtype, self.team = dtype, team or ThreadTeam(1)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step. If there is a `closure`, call it first for the gradients, and return its result."""
        loss = None
        if closure:
            with torch.enable_grad():
                loss = closure()
        steps: list[tuple[int, Callable[[], None]]] = []
        for group in self.param_groups:
            step = self._step_orthogonally if group["orthogonal"] else self._step_plainly
            for parameter in group["params"]:
                if parameter.grad is not None:
                    if "momentum_buffer" not in self.state[parameter]:
                        self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
                    steps.append((parameter.numel(), partial(step, parameter, group)))
        # The largest first, so that no thread is left with one at the end.
        steps.sort(key=lambda pair: -pair[0])
        self.team.map(lambda pair: pair[1](), steps)
        return loss

    @torch.no_grad()
    def _step_orthogonally(self, kernel: Tensor, group: dict[str, Any]) -> None:
        direction = self._direction(kernel, kernel.grad, group)
        matrix = orthogonalize(direction.flatten(1).to(self.dtype)).to(kernel.dtype)
        rows, columns = matrix.shape
        kernel.mul_(1 - group["lr"] * group["weight_decay"])
        kernel.add_(matrix.view(kernel.shape), alpha=-group["lr"] * max(1, rows / columns) ** 0.5)

    @torch.no_grad()
    def _step_plainly(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])
        parameter.add_(self._direction(parameter, gradient, group), alpha=-group["lr"])

    def _direction(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
        """Update the momentum, and return the step of Nesterov momentum, not yet scaled by -lr."""
        momentum = group["momentum"]
        velocity = self.state[parameter]["momentum_buffer"].mul_(momentum).add_(gradient)
        return gradient.add(velocity, alpha=momentum)


def orthogonalize(matrix: Tensor) -> Tensor:
    """Approximate the nearest matrix with singular values of 1, by Newton-Schulz iterations.

    Args:
        matrix: floating point, (rows, columns).

    Returns:
        A matrix of the same shape and dtype. Its singular values are 0.6 to 1.3 if those of `matrix` are
        more than a hundredth of its norm. Zeros give zeros.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalize(matrix.T).T
    a, b, c = NEWTON_SCHULZ
    matrix = matrix / (matrix.norm() + 1e-7)  # now no singular value is above 1
    for _ in range(ITERATIONS):
        square = matrix @ matrix.T
        matrix = torch.addmm(matrix, torch.addmm(square, square, square, beta=b, alpha=c), matrix, beta=a)
    return matrix


def make_optimizer(
    name: str,
    model: nn.Module,
    lr: float,
    weight_decay: float,
    dtype: torch.dtype = torch.float32,
    team: ThreadTeam | None = None,
) -> torch.optim.Optimizer:
    """Make an optimizer for a network, with weight decay for kernels and matrices only.

    Args:
        name: one of `OPTIMIZERS`. "muon" orthogonalizes the steps of the kernels of all convolutions with
            more than one input channel.
        model: the network.
        lr: learning rate.
        weight_decay: of parameters with more than one dimension, not of batch norm and biases.
        dtype, team: as for `Muon`.

    Raises:
        ValueError: if `name` is not in `OPTIMIZERS`.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"no optimizer is called {name!r}")
    parameters = list(model.parameters())
    kernels = [p for p in parameters if p.ndim == 4 and p.shape[1] > 1] if name == "muon" else []
    orthogonal = {id(kernel) for kernel in kernels}
    rest = [p for p in parameters if id(p) not in orthogonal]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim == 1], "weight_decay": 0.0},
    ]
    if name == "sgd":
        return torch.optim.SGD(groups, lr, momentum=MOMENTUM, nesterov=True)
    return Muon(
        [*groups, {"params": kernels, "weight_decay": weight_decay, "orthogonal": True}], lr, dtype, team
    )


def make_schedule(
    optimizer: torch.optim.Optimizer, lr: float, steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """Make a one-cycle schedule with the peak `lr` over `steps` steps."""
    total = max(3, steps)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=lr,
        total_steps=total,
        pct_start=max(0.2, 2 / total),  # at least 2 steps: OneCycleLR divides by their number minus 1
        div_factor=10,
        final_div_factor=1000,
        cycle_momentum=False,
    )
