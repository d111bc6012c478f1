"""Accuracy and calibration of a network.

Public: `metrics` (logits of a whole set, figures of the score report), `calibration` (temperature, novelty
detector), `score_plots` (learning curves, confusion matrix, misread images).

Imports: data, model, common.
"""
