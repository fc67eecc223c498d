"""What a fit tells: its verdict, and figures to look at."""
