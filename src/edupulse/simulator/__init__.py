"""Floor 2: a causal district whose truth is known."""
