"""Floor 10: the command line; one command is one file."""
