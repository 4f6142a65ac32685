"""Floor 2: where records come from; each source yields the kinds of record that it has."""
