import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.search.query_domain import (
    Box,
    Sphere,
    noise_starts,
    record_starts,
)
from imprint.lenses.leave_one_out.search.query_search import SearchOptions, search_queries
from tests.lenses.leave_one_out.searches import setting


def test_a_box_holds_and_still_finds_the_record():
    problem = setting(shape=(60, 40))
    names = [1, 2, 3]
    edge = problem.inputs.abs().max() + 0.1
    box = Box(-edge[None], edge[None])
    found = search_queries(problem.leak([[1], [2], [3]]), problem.noise(names), None, box)
    assert found.queries.abs().max() <= edge
    assert found.certificate.min() >= 0.999
    tight = Box(torch.zeros(1).double(), torch.ones(1).double())
    held = search_queries(
        problem.leak([[1], [2], [3]]), problem.noise(names), SearchOptions(steps=30), tight
    )
    assert held.queries.min() >= 0
    assert held.queries.max() <= 1
    assert held.starts.min() >= 0
    assert held.starts.max() <= 1


def test_a_sphere_keeps_the_length():
    problem = setting()
    found = search_queries(
        problem.leak([[1]], "mean_distance"), problem.noise([1]), None, Sphere(2)
    )
    assert float(found.queries.norm()) == pytest.approx(2, rel=1e-12)


def test_starts_belong_to_their_record():
    edge = torch.ones(2, 3).double()
    both, alone = noise_starts(-edge, edge, [4, 9], 2)(1), noise_starts(-edge, edge, [9], 2)(1)
    assert both[1].equal(alone[0])
    assert not both[0].equal(both[1])
    assert not both.equal(noise_starts(-edge, edge, [4, 9], 2)(0))
    records = torch.arange(10).double()[:, None]
    allowed = [torch.tensor([1, 3, 5]), torch.tensor([0, 2])]
    drawn = record_starts(records, allowed, [7, 8], 2)(0)[..., 0]
    assert set(drawn[0].tolist()) <= {1, 3, 5}
    assert set(drawn[1].tolist()) == {0, 2}
    with pytest.raises(ImprintError, match="3 queries cannot start from fewer"):
        record_starts(records, allowed, [7, 8], 3)
