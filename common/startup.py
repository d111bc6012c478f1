"""A script's first seconds, in which it imports PyTorch: Ctrl-C is silent, and no garbage is collected.

The scripts that import PyTorch (all but app.py) import this module before any other. Until `cli.run_script`
takes over, Ctrl-C ends the process at once and silently instead of with a traceback. Nothing happens where
another program imports a script, and Ctrl-C stays ignored where the process was started so.
"""

import gc
import signal
import sys
from pathlib import Path

SCRIPTS = ("train.py", "test.py", "predict.py", "visualize.py", "export.py")

_main = Path(getattr(sys.modules["__main__"], "__file__", None) or "").resolve()
if _main.parent == Path(__file__).resolve().parent.parent and _main.name in SCRIPTS:
    gc.disable()  # 300,000 objects are made and hardly any garbage; to look for it took an eighth of the time
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
