"""Taking a trained checkpoint out of the app."""
