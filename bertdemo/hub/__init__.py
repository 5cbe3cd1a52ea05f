"""Everything that speaks to the Hugging Face Hub: the client, models and datasets."""
