"""How a worker goes on from a resume checkpoint: its files, the random state, and which checkpoint it takes."""
