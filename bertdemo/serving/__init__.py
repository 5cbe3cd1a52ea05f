"""Using a checkpoint: labels, vectors and whole files of predictions."""
