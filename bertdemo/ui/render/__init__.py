"""Dataclasses in, HTML out: pictures that can be tested without a page. No gradio here."""
