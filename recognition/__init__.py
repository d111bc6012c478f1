"""Read strokes and pictures, with or without a profile of corrected samples.

Public: `recognizer` (`Recognizer`), `costs` (what the networks say of a candidate, as a reading and its
cost), `page_choice` (which candidates a page is read as), `page_confidence` (how likely these are right),
`reading` (`Reading`, the text of several), `symbols` (digit, sign, or neither), `memory` (adapt readings to
corrected samples), `sample_set` (the samples in memory), `sample_store` (the samples on disk), `profiles`
(the folders of samples; imports neither PyTorch nor NumPy), `inputs`, `batches`, `annotation` and `output`
(what predict.py reads, how, what it draws and prints).

Imports: pages, checkpointing, evaluation, preprocessing, common.
"""
