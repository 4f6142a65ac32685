"""EduPulse: sees early which students are drifting off track, from a district's own records."""

__version__ = "0.1.0"
