"""Named-entity recognition (token classification)."""
