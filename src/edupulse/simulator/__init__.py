"""Floor 2: a causal district whose truth is known."""

from edupulse.simulator.district import District, Summary, district, simulate
from edupulse.simulator.plan import DistrictPlan

__all__ = ["District", "DistrictPlan", "Summary", "district", "simulate"]
