"""Find the writing on a page: a small network says for each pixel whether a pen wrote a digit or a sign.

Public: `segmentation` (`segment_picture`: the candidates for digits in a picture), `ink_extraction`
(`find_ink`: the mask of what a pen wrote), `plain_pictures` (the same for small pictures, by tone), `finder`
(where something is written, seen closely enough), `ink_network` (the network).

Imports: checkpointing, preprocessing, common.
"""
