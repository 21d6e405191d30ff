"""Counts of inputs, predictions and code paths: see README.md in this folder."""
