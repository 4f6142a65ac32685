"""One noun a file; each is a line in `app.ROUTES`."""
