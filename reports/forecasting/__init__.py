"""How many reports will arrive in the next four weeks, by category and area."""
