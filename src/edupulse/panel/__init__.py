"""Floor 3: from weekly features to panels, windows, outcomes and splits."""
