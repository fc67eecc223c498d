"""The models people use, and what training them for the metric adds."""
