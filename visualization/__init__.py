"""Draw a network and what it computes.

Public: `architecture` and `diagram` (trace a network, draw its block diagram), `network_plots` (filters,
feature maps, saliency, embedding), `explain` (feature maps, Grad-CAM), `embedding` (t-SNE, PCA).

Imports: data, model, common.
"""
