"""Resume checkpoints: what a stopped, killed or failed run needs to go on as if it had never ended."""
