"""Ed-Fi, as bulk XML and from the ODS/API: one set of resources, one way to our records."""
