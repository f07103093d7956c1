from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.approximate_inverse import choose_method
from imprint.lenses.leave_one_out.large.memory_plan import Demand, LargeOptions


@given(st.integers(20, 36), st.booleans())
def test_auto_takes_the_first_that_fits(power, disk):
    """20,000 images: 0.5 GB of records, triangles of 1.6 and 0.8 GB, 0.3 GB of low rank."""
    demand, memory = Demand(20_000, 8 * 3072 * 20_000, 210, 1000, 200), 2**power
    options = LargeOptions(workspace=Path("disk") if disk else None)
    fits = [method for method in ("exact", "hybrid") if demand.total(method, memory) <= memory]
    try:
        method = choose_method(demand, memory, options)
    except ImprintError:
        assert not fits
        assert memory <= 2**30
        return
    expected = fits[0] if fits else "out_of_core" if disk else "nystrom"
    assert method == expected


def test_what_is_chosen_by_hand():
    demand = Demand(20_000, 8 * 3072 * 20_000, 210, 1000, 200)
    chosen = [choose_method(demand, size << 20, LargeOptions()) for size in (3500, 2000, 1500)]
    assert chosen == ["exact", "hybrid", "nystrom"]
