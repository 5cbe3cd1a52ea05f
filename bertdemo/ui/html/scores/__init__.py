"""Scores of a run as pictures: on a strip, as a curve, as a confusion matrix. No gradio in here."""
