"""Floor 5: from a window to a risk, a band and its reasons, without torch."""
