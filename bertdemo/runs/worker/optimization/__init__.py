"""What happens to the weights in a step: which of them train and how, in which batches, and what looks wrong."""
