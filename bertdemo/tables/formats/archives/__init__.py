"""Zips: one table out of many, texts in folders that name their labels, standoff annotations."""
