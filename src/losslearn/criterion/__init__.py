"""The learned loss in anybody's own training loop."""
