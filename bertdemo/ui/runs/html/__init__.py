"""Drawings that only Runs has. No gradio in here."""
