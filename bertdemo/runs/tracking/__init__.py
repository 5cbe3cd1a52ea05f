"""A run logged outside its folder too: optional, and never needed by the page."""
