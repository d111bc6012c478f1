"""Read strokes and pictures, with or without a profile of corrected samples.

Public: `recognizer` (`Recognizer`, `Reading`), `memory` (adapt readings to corrected samples), `sample_set`
(the samples in memory), `sample_store` (the samples on disk), `profiles` (the folders of samples; imports
neither PyTorch nor NumPy), `inputs` and `annotation` (what predict.py reads and what it draws).

Imports: checkpointing, evaluation, preprocessing, common.
"""
