"""Copies of runs, studies and checkpoints on storage that outlives this machine, such as the bucket of a Space."""
