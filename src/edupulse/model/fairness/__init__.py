"""Fairness that knows its power: opaque groups in, figures with intervals and verdicts out."""
