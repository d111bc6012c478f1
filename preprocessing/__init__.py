"""Convert strokes and pictures into candidates for digits, each a 28x28 image like those of MNIST.

Public: `image_files` (open any picture or page safely), `pdf_files` (draw the pages of PDF files),
`stroke_files` (the stroke format), `ink_mask` (which pixels are ink), `line_finding` (lines of writing),
`segmentation` (gaps, and the pieces of a line that may be a digit), `touching` (cut digits that touch),
`glyph` (draw ink as a 28x28 image), `candidates` (`Candidate`, `Segmentation`), `stroke_candidates` and
`picture_candidates` (from strokes, from a picture's ink), `region` (the part that is read).

Imports: common. No PyTorch.
"""
