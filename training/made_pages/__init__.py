"""Made pages with exact targets, to train the ink network on.

Public: `page_maker` (a page of a kind, with its targets), `layouts` (what is written where), `handwriting`
(people's digits, signs and scribbles as strokes), `surfaces` (papers and desks), `marks` (lines, boxes, print
and other marks that are no writing), `drawing` (strokes to pixels), `camera` (light, blur, noise).

Imports: training.stroke_augmentation, pages.ink_network, preprocessing, common.
"""
