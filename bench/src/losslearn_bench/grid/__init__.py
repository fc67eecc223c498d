"""Cells, the jobs that fill them, here or on a cluster, and the file of results."""
