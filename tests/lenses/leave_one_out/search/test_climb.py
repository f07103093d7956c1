import pytest
import torch

from imprint.lenses.leave_one_out.search.climb import adam, lbfgs

CLIMBS = {"lbfgs": lbfgs, "adam": lambda *arguments: adam(*arguments, learning_rate=0.05)}


def hills(tops, scales, height=None, seen=None):
    """Row i: minus a quadratic around tops[i]; good enough above a height."""

    def evaluate(points, rows):
        apart = points - tops[rows]
        value = -0.5 * (scales[rows] * apart.square()).sum(1)
        if seen is not None:
            seen.extend(rows.tolist())
        enough = value >= (torch.inf if height is None else height)
        return value, -scales[rows] * apart, enough

    return evaluate


def problem(rows=4, size=6):
    generator = torch.Generator().manual_seed(0)
    tops = torch.randn(rows, size, generator=generator, dtype=torch.float64)
    scales = torch.logspace(-1, 2, size).double().expand(rows, -1)
    return tops, scales, torch.full((rows, size), 2.0, dtype=torch.float64)


@pytest.mark.parametrize("method", CLIMBS)
def test_every_row_finds_its_top(method):
    tops, scales, start = problem()
    found = CLIMBS[method](hills(tops, scales), start, 2000, 0.0)
    assert found.values.min() > (-1e-12 if method == "lbfgs" else -2e-2)
    if method == "lbfgs":
        torch.testing.assert_close(found.points, tops, rtol=0, atol=1e-6)
        assert found.steps.max() < 60


@pytest.mark.parametrize("method", CLIMBS)
def test_values_are_those_of_the_points(method):
    tops, scales, start = problem()
    evaluate = hills(tops, scales)
    for steps in (0, 1, 7):
        found = CLIMBS[method](evaluate, start, steps, 0.0)
        value, _, _ = evaluate(found.points, torch.arange(4))
        assert value.tolist() == found.values.tolist()


@pytest.mark.parametrize("method", CLIMBS)
def test_the_best_is_never_worse_than_the_start(method):
    tops, scales, start = problem()
    evaluate = hills(tops, 1e6 * scales)
    first, _, _ = evaluate(start, torch.arange(4))
    assert (CLIMBS[method](evaluate, start, 3, 0.0).values >= first).all()


@pytest.mark.parametrize("method", CLIMBS)
def test_rows_that_are_done_are_evaluated_no_more(method):
    tops, scales, start = problem()
    start[1] = tops[1]
    seen = []
    found = CLIMBS[method](hills(tops, scales, -1e-3, seen), start, 2000, 0.0)
    assert found.done.tolist() == [True, True, True, True]
    assert seen.count(1) == 1
    assert found.steps[1] == 0
    assert [seen.count(row) for row in range(4)] == found.evaluations.tolist()


@pytest.mark.parametrize("method", CLIMBS)
def test_alone_as_among_others(method):
    tops, scales, start = problem()
    together = CLIMBS[method](hills(tops, scales), start, 8, 0.0)
    for row in range(4):
        alone = slice(row, row + 1)
        found = CLIMBS[method](hills(tops[alone], scales[alone]), start[alone], 8, 0.0)
        torch.testing.assert_close(found.points, together.points[alone], rtol=1e-10, atol=1e-12)


def test_units_of_the_value_do_not_matter():
    """Gradients of 1e-9 climb as far as those of 1, where Adam's usual floor stops it."""
    tops, scales, start = problem()
    for climb in CLIMBS.values():
        plain = climb(hills(tops, scales), start, 8, 0.0)
        tiny = climb(hills(tops, 1e-9 * scales), start, 8, 0.0)
        torch.testing.assert_close(tiny.points, plain.points, rtol=1e-6, atol=1e-9)


def test_flat_ground_is_left_at_once():
    def flat(points, rows):
        return torch.ones(len(rows)).double(), torch.zeros_like(points), torch.zeros(len(rows)) > 0

    assert lbfgs(flat, torch.ones(2, 3).double(), 50, 0.0).evaluations.tolist() == [1, 1]


def test_a_value_that_is_not_finite_stops_the_row():
    def broken(points, rows):
        return points[:, 0] * torch.nan, points, torch.zeros(len(rows)) > 0

    for climb in CLIMBS.values():
        found = climb(broken, torch.ones(1, 3).double(), 50, 0.0)
        assert found.done.all()
        assert found.evaluations.item() == 1
