"""Why the network reads what it reads: a model and a glyph in, a heat map out."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model import ImprovedResNet18

STRIDE = 4  # pixels between the centres of layer2's cells


def grad_cam(model: ImprovedResNet18, glyph: np.ndarray, digit: int) -> np.ndarray:
    """Where the ink, or its absence, speaks for `digit`: Grad-CAM of the logit (Selvaraju et al., 2017).

    Of layer2, whose map has 7x7 cells. The usual choice, the last map, has 4x4 cells of 8 pixels here: on
    a digit of 20 pixels it says little more than "the middle". This one tells the loop of a 6 from its stem.

    Leaves no gradient behind. Threads may share the model.

    Args:
        model: in evaluation mode, on any device.
        glyph: float32, (28, 28), 0 for paper to 1 for full ink.
        digit: the class to explain, whether it is the one that was read or not.

    Returns:
        float32, (28, 28), 0 where nothing speaks for it to 1 where most does. All 0 if nothing does.

    Raises:
        ValueError: if the model is in training mode, or `glyph` is not ink.
    """
    if model.training:
        raise ValueError("Grad-CAM needs the model in evaluation mode: call model.eval()")
    # A caller may be in inference mode, and its model may be frozen: that the ink requires a gradient
    # makes autograd keep the graph all the same.
    with torch.inference_mode(False), torch.enable_grad():
        device = next(model.parameters()).device
        ink = torch.tensor(glyph, dtype=torch.float32, device=device)[None, None].requires_grad_()
        _, maps, last = model.stages(ink)
        logits = model.fc(model.pool(last))
        (gradient,) = torch.autograd.grad(logits[0, digit], maps)
    weights = gradient.mean((2, 3), keepdim=True)  # of each channel: what more of it adds to the logit
    heat = _to_pixels((weights * maps.detach()).sum(1, keepdim=True).relu())
    return (heat / heat.max().clamp(min=torch.finfo(heat.dtype).tiny))[0, 0].cpu().numpy()


def _to_pixels(heat: Tensor) -> Tensor:
    """(1, 1, 7, 7) to (1, 1, 28, 28), each cell's value at the pixel that it looks at.

    Cell i is centred on pixel 4 i + 0.5, since strided convolutions look at the first cell of each pair;
    plain enlarging would put it on 4 i + 1.5.
    """
    padded = F.pad(heat, (0, 1, 0, 1), mode="replicate")
    enlarged = F.interpolate(padded, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    return enlarged[..., 1:29, 1:29]
