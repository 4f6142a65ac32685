"""The steps, in order; each says in full what it does and imports nothing that may change."""
