"""Hypothesis: the same examples in every run and no clock; random ones by ``make explore``."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.made_study"]

# A loaded machine takes ten times as long: neither a deadline nor slow generation is a failure.
NO_CLOCK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("repeatable", derandomize=True, **NO_CLOCK)
settings.register_profile("explore", derandomize=False, print_blob=True, **NO_CLOCK)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keep what tests cache apart from the user's cache, but for matplotlib's list of fonts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", str(Path.home() / ".cache/matplotlib"))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _encoders_train_in_this_process():
    """Spare the start of worker processes, which takes longer than training such small networks.

    Commands that tests start in processes of their own train in worker processes as ever.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imprint.lenses.dejavu.study.encoders.run_tasks", run_here)
        yield


def run_here(function, tasks, *_, **__):
    """Return what every task does, run one by one in this process."""
    return [function(*task) for task in tasks]
