"""Arrays in, figures out.

Public: `architecture` and `diagram` (trace a network, draw its block diagram), `network_plots` (filters,
features, saliency), `explain` (Grad-CAM), `embedding` (t-SNE).

Imports: data, model.
"""
