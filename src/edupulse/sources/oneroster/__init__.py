"""OneRoster 1.0, 1.1 and 1.2: rosters, line items and results as records."""
