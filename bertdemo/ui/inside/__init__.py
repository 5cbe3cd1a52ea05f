"""The Inside BERT tab: one text on its way through the model."""
