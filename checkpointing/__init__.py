"""Weights and training states on disk.

Public: `archive` (a file of plain values and tensors with a checksum), `checkpoint` (weights with their
description, training states), `exported` (weights as ONNX and .pt2 files), `lookup` (which file to read;
imports no PyTorch).

Imports: evaluation, model, common.
"""
