"""Floor 2: the 42 weekly features, from records that known() stamped."""
