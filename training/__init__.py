"""The training loop and what it needs.

Public: `arguments` and `recipe` (flags and hyperparameters), `trainer` (the loop), `state` (its state on
disk), `run_folder` (what a run leaves behind), `augmentation` and `stroke_augmentation` (of images, of
strokes), `extra_digits` (--ink), `optimizer` (Muon), `distillation` (teachers), `distributed` and
`sync_batch_norm` (several processes).

Imports: recognition.profiles, checkpointing, evaluation, preprocessing, data, model, common.
"""
