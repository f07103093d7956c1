import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.search import landscape as module
from imprint.lenses.leave_one_out.search.landscape import (
    brightness_directions,
    eigenvector_directions,
    landscape,
    line_queries,
    neighbour_directions,
    random_directions,
    symmetric_steps,
    unit,
)
from tests.lenses.leave_one_out.searches import setting

REMOVED = torch.tensor([3, 0, 17])
STEPS = symmetric_steps(2, 10)


def every_direction(problem, removed=REMOVED):
    x, shape = problem.inputs, problem.inputs.shape[1:]
    black = torch.full(shape, -0.7, dtype=torch.float64)
    kinds = [
        random_directions(shape, removed.tolist(), 3, seed=0),
        neighbour_directions(x, problem.kernel(x), removed),
        eigenvector_directions(x, 2, removed),
        brightness_directions(x, black, removed),
        unit(x[removed][:, None]),
    ]
    return torch.cat(kinds, dim=1)


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("fc", {"depth": 3}, (40, 12)),
        ("fc", {"activation": "gelu", "b_std": 0.3}, (40, 12)),
        ("rbf", {}, (40, 12)),
        ("features", {}, (40, 12)),
        ("conv", {"depth": 2}, (20, 2, 4, 4)),
    ],
)
def test_divergences_and_area_peak_at_the_record_in_every_direction(name, options, shape):
    """The known answer: whatever the kernel, whatever the line. Not so the mean distance."""
    problem = setting(name, shape, **options)
    directions = every_direction(problem)
    found = landscape(problem.kernel, problem.inputs, problem.posterior, REMOVED, directions, STEPS)
    for values in (found.kl_out_in, found.kl_in_out, found.auc):
        assert values.shape == (3, 8, 21)
        assert (found.relative(values) <= 1 + 1e-9).all()
    if name != "features":
        # Lines 0 to 6 leave the ray through the record: there the peak is at the step 0 alone.
        assert (found.kl_out_in[:, :7].argmax(2) == found.origin).all()
        assert (found.auc[:, :7].argmax(2) == found.origin).all()
    assert (found.relative(found.mean_distance) > 1.5).any() or name == "rbf"


def test_homogeneous_kernels_see_no_difference_along_the_record():
    problem = setting(depth=3)
    ray = unit(problem.inputs[REMOVED][:, None])
    steps = torch.tensor([0, 0.5, 3]).double()
    found = landscape(problem.kernel, problem.inputs, problem.posterior, REMOVED, ray, steps)
    ones = torch.ones(3, 1, 3).double()
    torch.testing.assert_close(found.relative(found.kl_out_in), ones, rtol=0, atol=1e-9)
    assert (found.relative(found.mean_distance)[..., 2] > 3).all()


def test_values_are_those_of_the_queries(monkeypatch):
    monkeypatch.setattr(module, "QUERIES", 17)
    problem = setting(classes=3)
    directions = every_direction(problem)
    found = landscape(problem.kernel, problem.inputs, problem.posterior, REMOVED, directions, STEPS)
    queries = line_queries(problem.inputs[REMOVED], directions, STEPS)
    for at, record in enumerate(REMOVED.tolist()):
        flat = queries[at].flatten(0, 1)
        cross, own = problem.kernel(flat, problem.inputs), problem.kernel.diagonal(flat)
        queried = query_influence(problem.posterior, cross, own)
        expected = queried.directions.kl_out_in()[record].view(8, 21)
        torch.testing.assert_close(found.kl_out_in[at], expected, rtol=1e-9, atol=1e-13)
        distance = queried.mean_distance[record].view(8, 21)
        torch.testing.assert_close(found.mean_distance[at], distance, rtol=1e-9, atol=1e-15)
    own = self_influence(problem.posterior)
    at_zero = found.kl_out_in[:, 0, found.origin]
    torch.testing.assert_close(at_zero, own.kl_out_in[REMOVED], rtol=1e-9, atol=0)
    torch.testing.assert_close(found.auc[:, 0, found.origin], own.auc[REMOVED], rtol=1e-9, atol=0)


def test_directions_have_a_root_mean_square_of_one():
    directions = every_direction(setting())
    size = directions.square().mean(-1)
    torch.testing.assert_close(size, torch.ones(3, 8).double(), rtol=1e-12, atol=0)


def test_random_directions_belong_to_their_record():
    both, alone = random_directions((2, 3), [5, 8], 2, 0), random_directions((2, 3), [8], 2, 0)
    assert both[1].equal(alone[0])
    assert not both[0].equal(both[1])


def test_neighbours_and_eigenvectors_by_hand():
    inputs = torch.tensor([[1.0, 0], [1, 0], [0, 1], [3, 0.1]])
    kernel = inputs.double() @ inputs.double().T
    towards = neighbour_directions(inputs, kernel, torch.tensor([0]))
    torch.testing.assert_close(towards[0, 0], unit(torch.tensor([2.0, 0.1]), 0))
    spread = torch.tensor([[9.0, 0], [-9, 0], [0, 1], [0, -1]])
    for values in (spread, torch.cat([spread, torch.zeros(4, 7)], dim=1)):
        first = eigenvector_directions(values, 1, torch.tensor([2]))[0, 0]
        assert float(first[0]) == pytest.approx(values.shape[1] ** 0.5)


def test_what_does_not_fit_is_refused():
    problem = setting()
    arguments = problem.kernel, problem.inputs, problem.posterior, REMOVED
    with pytest.raises(ImprintError, match="step 0"):
        landscape(*arguments, every_direction(problem), torch.tensor([1.0]))
    with pytest.raises(ImprintError, match="do not fit 3 of the records"):
        landscape(*arguments, every_direction(problem)[:2], STEPS)
