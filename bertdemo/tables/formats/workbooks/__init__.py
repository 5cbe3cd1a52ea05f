"""Workbooks: sheets, and the cells that are merged in them."""
