"""Floor 6: the only door to the database."""
