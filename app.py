"""Start bertdemo: `python app.py`. On a Hugging Face Space this file is run as it is."""

from __future__ import annotations

import locale
import os
import signal
import sys

from bertdemo.errors import StartError
from bertdemo.i18n.translation import translate
from bertdemo.processes import return_freed_memory
from bertdemo.settings import Settings


def main() -> None:
    """Serve, or say in one line why that cannot be."""
    try:
        serve()
    except StartError as error:
        lang = "zh" if (locale.getlocale()[0] or "").startswith("zh") else "en"
        sys.exit(translate(lang, error.message_key, **error.values))


def serve() -> None:
    """Read the environment, build the page, listen. Raises StartError."""
    os.umask(0o077)  # what it and its children write is for this user alone
    return_freed_memory()
    settings = Settings.from_env()
    settings.apply()  # before any library reads the environment
    from bertdemo.services import Services
    from bertdemo.ui.app import build_app, launch

    services = Services.create(settings)
    if services.backup.on:  # a Space that restarts sends this and waits: time for the last copies
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app = build_app(settings, services)
        print(f"bertdemo: {launch(app)}", flush=True)  # noqa: T201
        services.begin()  # only now: torch takes longer to import than the page to answer
        app.blocks.block_thread()
    finally:
        services.close()  # or its threads keep the process alive after Ctrl+C


if __name__ == "__main__":
    main()
