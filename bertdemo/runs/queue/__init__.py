"""The runs that wait: how many may, whose turn it is, and how long it takes."""
