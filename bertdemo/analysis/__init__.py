"""What is wrong with a dataset, how far baselines get on it, and which labels look wrong."""
