"""A user's own metric as a loss: functions, scorers, files (Eq. 1)."""
