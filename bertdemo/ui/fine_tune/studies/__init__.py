"""*Try several* in Fine-tune: what is to be tried, and the study that comes of it in place of the data."""
