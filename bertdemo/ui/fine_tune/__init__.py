"""The Fine-tune tab: data, settings, training and result."""
