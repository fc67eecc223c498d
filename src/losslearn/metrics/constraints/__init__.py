"""Constraints: bounds on rates of decisions, beside what is to be minimised."""
