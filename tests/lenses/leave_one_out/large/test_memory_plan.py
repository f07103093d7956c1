import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.fit import fit_large
from imprint.lenses.leave_one_out.large.memory_plan import Demand, LargeOptions, panel_width_within
from tests.lenses.leave_one_out.large_problem import KERNEL, NOISE, large_problem

MIB = 1 << 20


def fitted(**options):
    problem = large_problem()
    chosen = LargeOptions(**{"sample": 80, "probes": 0, **options})
    return fit_large(KERNEL, problem.x, problem.targets, NOISE, chosen)


@pytest.mark.parametrize("method", ["auto", "exact", "hybrid", "nystrom", "out_of_core"])
def test_too_little_memory(tmp_path, method):
    with pytest.raises(ImprintError, match="1 MiB of memory are too little"):
        fitted(method=method, memory=MIB, workspace=tmp_path)
    assert not list(tmp_path.iterdir())


@given(st.integers(1, 200_000), st.integers(1, 400), st.integers(20, 36), st.sampled_from([4, 8]))
def test_panels_stay_within_the_memory(size, right, power, item):
    demand, memory = Demand(size, 8 * 3072 * size, right, 1, 0), 2**power
    try:
        width = panel_width_within(demand, memory, item)
    except ImprintError:
        return
    held = item * size * width + (4 * item + 16) * width**2
    assert 1 <= width <= size
    assert demand.common(memory) + held <= memory


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "magic"),
        ({"memory": 0}, "memory must be at least 1, got 0"),
        ({"landmarks": 0}, "landmarks must be at least 1, got 0"),
        ({"probes": 1}, "probes must be 0 or at least 2, got 1"),
        ({"sample": 71}, "sample must be at least 72, got 71"),
        ({"tolerance": 2.0}, r"tolerance must be in \(0, 1\), got 2"),
        ({"method": "out_of_core"}, "needs a workspace"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ImprintError, match=message):
        fitted(**options)
