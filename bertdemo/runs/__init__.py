"""Training runs: one folder each, a child process that writes it and a server that reads it."""
