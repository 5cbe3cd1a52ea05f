"""Keeps the hot reload of Spaces out of our imports.

On a Space, Gradio 6.31 starts a thread of the package `spaces`, whose vendored `jurigged` puts a finder in front of
`sys.meta_path`. That finder looks up every module a second time, under Python's global import lock: where two threads
import at once, each can wait for the other for ever. We import torch beside the first requests: where a page was open
while a Space restarted, the new server hung in four of four starts (make space-check, 2026-11-29). Nothing of the app
is reloaded while it runs, so the finder is taken out.
"""

from __future__ import annotations

import importlib
import sys

# Its import puts the finder in place; done here first, so that it is not done again beside a request.
_MODULE = "spaces._vendor.jurigged.register"


def keep_out() -> None:
    """Take the finder out of `sys.meta_path`, before the server starts; nothing happens where there is none."""
    try:
        importlib.import_module(_MODULE)
    except ImportError:  # no Space, or a version of `spaces` that does it in another way
        return
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != _MODULE]
