"""Floor 7: what people do, viewer first."""
