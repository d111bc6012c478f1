"""Ink in, 28x28 candidates out: strokes and pictures as hypotheses of what digits may stand there.

Public: `image_files` (open any picture safely), `binarization` (ink or paper), `stroke_files` (the stroke
format), `segmentation` (boxes to lines and digits), `glyph` (ink to a 28x28 image), `candidates`
(`Candidate`, `Segmentation`), `stroke_candidates` and `picture_candidates` (hypotheses from either).

Imports: common. No PyTorch.
"""
