"""The learned loss (Eq. 2, 3): a set network, its start, and what a model descends."""
