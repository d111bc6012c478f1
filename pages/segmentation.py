"""Pictures to candidates for digits."""

from PIL import Image

from pages.ink_extraction import find_ink
from preprocessing.candidates import Segmentation
from preprocessing.picture_candidates import segment_ink


def segment_picture(image: Image.Image, single: bool = False) -> Segmentation:
    """Find the candidates for digits in a picture, dark on light or light on dark.

    Args:
        image: of any mode and size, as `open_picture` returns it.
        single: whether all ink that belongs together forms one digit.

    Returns:
        The candidates of each line, with boxes in pixels of the picture; none for a blank picture.

    Raises:
        InkError: if the picture cannot be converted to RGB.
    """
    ink = find_ink(image)
    return segment_ink(ink, single) if ink else []
