"""What every method gets, and the loop that most of them share."""
