"""The window.

Public: `commands` (what keys and buttons do), `corrections` (a digit key or a bar keeps a sample), `autosave`
(the sheet is kept), `session` (drawing, reading, what is shown), `main_window` and its widgets, `theme`,
`styles` and `icons` (the look), `texts` (in both languages), `clipboard`, `desktop` (dialogs, dropped files,
dark mode), `worker_process` and `worker` (both ends of the pipe), `protocol` (what crosses it).

Imports: recognition, visualization.explain, preprocessing, common. Only `worker`, which runs in a process of
its own, imports PyTorch and NumPy. In here: commands -> corrections -> session -> main_window -> widgets.
"""
