"""Runs a command of ``packwitness`` that ends with whoever started it.

Run as ``python -m packwitness.demo.tied hub run …`` with a pipe as standard input whose other end only the
demo holds. When the demo vanishes, even by kill -9, the pipe ends, and the command is told to end.
"""

import os
import runpy
import signal
import threading


def _watch() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_watch, name="tie", daemon=True).start()
    # As `python -m packwitness.cli` would; the door stands above this part, so it is not imported.
    runpy.run_module("packwitness.cli", run_name="__main__", alter_sys=True)
