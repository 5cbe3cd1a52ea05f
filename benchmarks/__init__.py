"""Measurements of the app as people use it. `make bench` runs all of them and adds a dated table to docs/benchmarks.md.

A figure is a ratio of two things measured in one run, or a median: single times on a shared machine mean nothing.
Rows that need labeled data say so and are skipped where it is absent.
"""
