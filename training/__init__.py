"""The training loop and what it needs.

Public: `arguments` and `recipe` (flags, hyperparameters), `trainer` (the loop), `views` (order and
distortions), `validation` and `progress` (what is printed), `state` (take and restore a run's state),
`run_folder` (the files of a run), `augmentation` and `stroke_augmentation` (of images, of strokes),
`extra_digits` (--ink), `optimizer` (SGD, Muon), `distillation` (teachers), `answers` and `save_answers` (what
teachers say of each view), `average` (of students' weights), `distributed` and `sync_batch_norm` (several
processes).

Imports: recognition.profiles, checkpointing, evaluation, preprocessing, data, model, common.
"""
