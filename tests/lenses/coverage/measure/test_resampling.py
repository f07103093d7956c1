import numpy as np
import pytest
import torch

from imprint.core.seeds import generator
from imprint.lenses.coverage.measure import resampling
from imprint.lenses.coverage.measure.resampling import (
    CellCache,
    bootstrap_coverage,
    bootstrap_reached,
)


def cache_of(ids, total: int) -> CellCache:
    return CellCache.of(torch.from_numpy(np.asarray(ids))[:, None], total)


def test_any_part_is_counted_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    ids = random.integers(0, 40, 200)
    cache = cache_of(ids, 64)
    rows = random.integers(0, 200, (30, 25))
    expected = [len(set(ids[row].tolist())) for row in rows]
    assert cache.reached(rows).tolist() == expected
    assert cache.values(rows[3]).tolist() == [expected[3] / 64]
    monkeypatch.setattr(resampling, "CHUNK_VALUES", 100)
    assert cache.reached(rows).tolist() == expected


def test_hashes_are_numbered_by_row() -> None:
    codes = torch.tensor([[1, 2], [1, 3], [1, 2], [0, 3]])
    cache = CellCache.of(codes, 4)
    assert len(set(cache.cell.tolist())) == 3
    assert cache.cell[0] == cache.cell[2]
    assert sorted(cache.counts.tolist()) == [1, 1, 2]


@pytest.mark.parametrize(
    ("cells", "inputs", "concentration"), [(200, 300, 1.0), (1000, 500, 0.3), (50, 300, 5.0)]
)
def test_intervals_hold_what_such_sets_reach_on_average(cells, inputs, concentration) -> None:
    """95 % of 60 sets; 4 deviations of the binomial below are 50."""
    random = np.random.default_rng(0)
    chances = random.dirichlet(np.full(cells, concentration))
    mean = (1 - (1 - chances) ** inputs).sum() / cells
    held = 0
    for seed in range(60):
        cache = cache_of(random.choice(cells, inputs, p=chances), cells)
        found = bootstrap_coverage(cache, generator(seed, "test"), 200)
        held += found.ci95[0] <= mean <= found.ci95[1]
    assert held >= 50


def test_resamples_lie_about_the_cells_reached() -> None:
    """1,000 draws: 4 standard errors."""
    cache = cache_of(np.random.default_rng(0).integers(0, 300, 400), 300)
    drawn = bootstrap_reached(cache, generator(0, "test"), 1000)
    assert drawn.mean() == pytest.approx(len(cache.counts), abs=4 * drawn.std() / 1000**0.5)
    assert drawn.std() > 3


def test_few_cells_well_reached_have_no_spread() -> None:
    found = bootstrap_coverage(cache_of([0, 1] * 50, 2), generator(0, "test"), 50)
    assert (found.value, found.n) == (1.0, 100)
    assert found.ci95 == pytest.approx((1.0, 1.0))
    single = bootstrap_coverage(cache_of([3], 8), generator(0, "test"), 50)
    assert single.value == 0.125
