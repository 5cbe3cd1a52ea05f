"""The Runs tab: all runs of a visitor, and one of them opened."""
