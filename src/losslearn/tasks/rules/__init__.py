"""Decision rules: how scores become decisions, each learned on validation rows."""
