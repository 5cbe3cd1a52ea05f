"""Start bertdemo: `python app.py`. On a Hugging Face Space this file is run as it is."""

from __future__ import annotations

from bertdemo.settings import Settings


def main() -> None:
    """Read the environment, build the page, listen."""
    settings = Settings.from_env()
    settings.apply()  # before any library reads the environment
    from bertdemo.services import Services
    from bertdemo.ui.app import build_app, launch

    services = Services.create(settings)
    app = build_app(settings, services)
    print(f"bertdemo: {launch(app)}", flush=True)  # noqa: T201
    services.begin()  # only now: torch takes longer to import than the page to answer
    try:
        app.blocks.block_thread()
    finally:
        services.close()  # or its threads keep the process alive after Ctrl+C


if __name__ == "__main__":
    main()
