"""What puts the app somewhere else: the check of a Space, `make space`, and what both copy of this repository."""
