"""Algorithm 1 (Eq. 4, 5): the two levels in turn, in rounds beside the usual loss."""
