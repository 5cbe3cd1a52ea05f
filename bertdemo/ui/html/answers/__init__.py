"""What the drawings of predictions are made of: the fields that they need, and their parts."""
