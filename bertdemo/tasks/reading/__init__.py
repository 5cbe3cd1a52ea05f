"""What the columns of a table mean: their usual names, pairs of texts, and the readings that fit a table."""
