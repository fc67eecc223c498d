"""What differs between tasks: targets, tokens, generated sets and decision rules."""
