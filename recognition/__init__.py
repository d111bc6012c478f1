"""Read strokes and pictures, with or without a profile of corrected samples.

Public: `recognizer` (`Recognizer`), `reading` (`Reading`, the text of several), `symbols` (digit, sign, or
neither), `memory` (adapt readings to corrected samples), `sample_set`
(the samples in memory), `sample_store` (the samples on disk), `profiles` (the folders of samples; imports
neither PyTorch nor NumPy), `inputs` and `annotation` (what predict.py reads and what it draws).

Imports: pages, checkpointing, evaluation, preprocessing, common.
"""
