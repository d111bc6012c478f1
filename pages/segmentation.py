"""Pictures to candidates for digits."""

from dataclasses import replace

from PIL import Image

from pages.finder import ink_masks
from preprocessing.candidates import Segmentation
from preprocessing.picture_candidates import segment_ink


def segment_picture(
    image: Image.Image, single: bool = False, pixels: tuple[int, int, int, int] | None = None
) -> list[Segmentation]:
    """Find the candidates for digits in a picture, dark on light or light on dark.

    Args:
        image: of any mode and size, as `open_picture` returns it.
        single: whether all ink that belongs together forms one digit.
        pixels: left, top, right and bottom of the part to read; None for all of it.

    Returns:
        One segmentation, with boxes in pixels of the whole picture; none for a blank picture.

    Raises:
        InkError: if the picture cannot be converted to RGB.
    """
    left, top = pixels[:2] if pixels else (0, 0)
    found = ink_masks(image.crop(pixels) if pixels else image)
    moved = [replace(ink, origin=(ink.origin[0] + left, ink.origin[1] + top)) for ink in found]
    return [segment_ink(ink, single) for ink in moved]
