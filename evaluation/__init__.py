"""How well a network reads.

Public: `metrics` (logits of a whole set, figures of the score report), `calibration` (temperature and novelty
threshold), `score_plots` (curves, confusion matrix, mistakes).

Imports: data, model.
"""
