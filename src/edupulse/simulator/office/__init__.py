"""What the district's own system writes of what happened, and when it learns it."""
