"""Ctrl-C in a script's first seconds, while it imports PyTorch.

The scripts that import PyTorch (all but app.py) import this module before any other. Until `cli.run_script`
takes over, Ctrl-C then ends the process at once and silently instead of with a traceback. Nothing happens
where another program imports a script, or where the process was started with Ctrl-C ignored.
"""

import signal
import sys
from pathlib import Path

_script = getattr(sys.modules["__main__"], "__file__", None)
if (
    _script
    and Path(_script).resolve().parent == Path(__file__).resolve().parent.parent
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
