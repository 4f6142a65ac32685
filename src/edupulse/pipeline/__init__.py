"""Floor 7: what the machine does alone: intake, training, scoring."""
