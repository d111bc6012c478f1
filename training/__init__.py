"""The training loop and what it needs.

Public: `arguments` and `recipe` (flags, hyperparameters), `trainer` (the loop), `views` (order and
distortions), `validation` and `progress` (what is printed), `state` (take and restore a run's state),
`run_folder` (the files of a run), `augmentation` and `stroke_augmentation` (of images, of strokes),
`extra_digits` (--ink), `optimizer` (SGD, Muon), `distillation` (teachers), `answers` and `save_answers` (what
teachers say of each view), `average` (of students' weights), `step` and `replicas` (what
each thread computes), `distributed` and `sync_batch_norm` (several processes). `ink_network` and `symbols`
train the networks that find writing and tell signs, on `made_pages` and `made_symbols` (`made_signs`: the
strokes of signs). `made_images` are what the recipe "ink" shows beside people's digits: `made_digits`, and
`non_digits`.

Imports: recognition.profiles, recognition.symbols, pages, checkpointing, evaluation, preprocessing, data,
model, common.
"""
