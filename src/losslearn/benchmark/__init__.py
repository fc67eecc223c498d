"""Measuring methods against each other on the same rows, thresholds and budgets."""
