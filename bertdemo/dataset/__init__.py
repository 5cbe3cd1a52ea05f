"""What a table means for a task: cleaning, row fingerprints, the split."""
