"""Floor 1: what a school is made of, in words and types that every other floor shares."""
