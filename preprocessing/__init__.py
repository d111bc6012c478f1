"""Convert strokes and pictures into candidates for digits, each a 28x28 image like those of MNIST.

Public: `image_files` (open any picture or page safely), `pdf_files` (draw the pages of PDF files),
`binarization` (tell ink from paper), `stroke_files` (the stroke format), `segmentation` (group boxes into
lines and digits), `glyph` (draw ink as a 28x28 image), `candidates` (`Candidate`, `Segmentation`),
`stroke_candidates` and `picture_candidates` (from strokes, from a picture), `region` (from a part of them).

Imports: common. No PyTorch.
"""
