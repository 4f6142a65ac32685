"""The same district as other systems would export it: what they cannot say is lost on the way."""
