"""Explain a reading: the feature maps of a glyph, and Grad-CAM."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import ImprovedResNet18, check_ink

STRIDE = 4  # pixels between the centres of neighbouring cells of layer2


def stage_maps(model: nn.Module, glyph: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the feature maps of each stage.

    Args:
        model: in evaluation mode, on any device.
        glyph: float32, (28, 28), in [0, 1]: 0 for paper, 1 for full ink.

    Returns:
        For each child module with maps as output, by its name: float32, (channels, height, width).
    """
    maps = {}
    hooks = [
        stage.register_forward_hook(lambda module, args, output, name=name: maps.update({name: output}))
        for name, stage in model.named_children()
    ]
    with torch.inference_mode():
        model(_to_ink(model, glyph))
    for hook in hooks:
        hook.remove()
    return {name: output[0].cpu().numpy() for name, output in maps.items() if output.ndim == 4}


def grad_cam(model: ImprovedResNet18, glyph: np.ndarray, digit: int) -> np.ndarray:
    """Compute which pixels speak for a class: Grad-CAM of its logit at layer2.

    Layer2 has 7x7 cells. The usual choice, the last layer with maps, has only 4x4 cells of 8 pixels here, too
    coarse for a digit of 20 pixels.

    Thread-safe; leaves no gradient in the model.

    Args:
        model: in evaluation mode, on any device.
        glyph: float32, (28, 28), in [0, 1]: 0 for paper, 1 for full ink.
        digit: the class to explain, not necessarily the one that is read.

    Returns:
        float32, (28, 28), from 0 to 1 for the strongest evidence; all 0 if there is none.

    Raises:
        ValueError: if the model is in training mode, or `glyph` is not valid ink.

    Source:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
        2017.
    """
    if model.training:
        raise ValueError("Grad-CAM needs the model in evaluation mode: call model.eval()")
    # The caller may be in inference mode and the model frozen: ink that requires a gradient builds the graph.
    with torch.inference_mode(False), torch.enable_grad():
        ink = _to_ink(model, glyph).requires_grad_()
        _, maps, last = model.stages(ink)
        logits = model.fc(model.pool(last))
        (gradient,) = torch.autograd.grad(logits[0, digit], maps)
    weights = gradient.mean((2, 3), keepdim=True)  # effect of each channel on the logit
    heat = _to_pixels((weights * maps.detach()).sum(1, keepdim=True).relu())
    return (heat / heat.max().clamp(min=torch.finfo(heat.dtype).tiny))[0, 0].cpu().numpy()


def _to_ink(model: nn.Module, glyph: np.ndarray) -> Tensor:
    """Return a glyph as a batch of one, (1, 1, 28, 28), on the device of the model."""
    ink = check_ink(torch.tensor(glyph, dtype=torch.float32)[None, None])
    return ink.to(next(model.parameters()).device)


def _to_pixels(heat: Tensor) -> Tensor:
    """Enlarge (1, 1, 7, 7) to (1, 1, 28, 28), each cell's value at the pixel that it is centred on.

    Cell i is centred on pixel 4 i + 0.5, since a strided convolution is centred on the first cell of each
    pair; plain interpolation would place it at 4 i + 1.5.
    """
    padded = F.pad(heat, (0, 1, 0, 1), mode="replicate")
    enlarged = F.interpolate(padded, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    return enlarged[..., 1:29, 1:29]
