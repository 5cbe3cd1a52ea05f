"""The Inference tab: one text, a file, a search."""
