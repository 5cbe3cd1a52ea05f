"""From an uploaded file to a table, and what there is to say about it."""
