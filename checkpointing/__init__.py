"""Weights and training states on disk.

Public: `archive` (a sealed file of plain values and tensors), `checkpoint` (weights and what the file says of
them), `lookup` (which file to read; without PyTorch).

Imports: evaluation, model, common.
"""
