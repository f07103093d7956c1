"""Hypothesis: the same examples in every run and no clock; random ones by ``make explore``."""

from hypothesis import HealthCheck, settings

# A loaded machine takes ten times as long: neither a deadline nor slow generation is a failure.
NO_CLOCK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("repeatable", derandomize=True, **NO_CLOCK)
settings.register_profile("explore", derandomize=False, print_blob=True, **NO_CLOCK)
settings.load_profile("repeatable")
