"""The window. Only `worker`, which runs in a process of its own, imports PyTorch and NumPy.

Public: `commands` (what keys and buttons do), `corrections` (a digit key becomes a sample), `session`
(drawing, reading, what is shown), `main_window` and its widgets, `theme`, `desktop` (dialogs, clipboard,
dark mode), `worker_process` and `worker` (both ends of the pipe).

Imports: recognition, visualization.explain, preprocessing, common.
"""
