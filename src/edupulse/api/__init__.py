"""Floor 8: the service's face over HTTP: who is asking, one noun a file, and errors as problems."""
