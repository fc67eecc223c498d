"""Boosted trees as a model: the library's own file, moved by trees instead of steps."""
