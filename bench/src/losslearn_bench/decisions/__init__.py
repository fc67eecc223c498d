"""What a learned decision rule is worth, and what training adds after it."""
