"""Floor 9: the service as processes: workers that answer, and a parent that keeps them."""
