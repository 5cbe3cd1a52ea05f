"""One file a tab. A tab imports no other tab."""
