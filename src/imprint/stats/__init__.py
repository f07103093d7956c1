"""Statistics with their intervals: every number that is reported comes with how sure it is."""

from imprint.stats.estimate import Estimate
from imprint.stats.significance import mcnemar

__all__ = ["Estimate", "mcnemar"]
