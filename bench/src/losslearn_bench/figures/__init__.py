"""Figures of the paper and of a comparison, and the page that holds them."""
