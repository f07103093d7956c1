import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.search.query_objective import LeakOfQueries
from tests.lenses.leave_one_out.refits import kl
from tests.lenses.leave_one_out.searches import setting

OBJECTIVES = ("correlation", "kl_out_in", "kl_in_out", "mean_distance")


def laws(problem, group, queries):
    """Joint laws at the queries and the group without it, and at the queries with it."""
    kernel, x, noise = problem.kernel, problem.inputs, problem.posterior.noise
    queried = torch.cat([queries, x[group]])

    def law(rows):
        matrix = kernel(x[rows]) + noise * torch.eye(len(rows)).double()
        solved = torch.linalg.solve(matrix, kernel(x[rows], queried)).T
        mean = solved @ problem.posterior.targets[rows]
        return mean.numpy(), (kernel(queried) - solved @ kernel(x[rows], queried)).numpy()

    everyone = list(range(len(x)))
    return law([row for row in everyone if row not in group]), law(everyone)


def part(law, rows):
    mean, covariance = law
    return mean[rows], covariance[np.ix_(rows, rows)]


@pytest.mark.parametrize(("group", "count"), [([3], 1), ([3], 2), ([3, 8, 9], 2), ([5, 0], 3)])
def test_every_objective_from_two_refitted_models(group, count):
    problem = setting(classes=3, noise=0.3, depth=2)
    queries = torch.randn(count, 12, generator=torch.Generator().manual_seed(1)).double()
    out, within = laws(problem, group, queries)
    queried, own = list(range(count)), list(range(count, count + len(group)))
    deviation = np.sqrt(np.diag(out[1]))
    rho = out[1] / np.outer(deviation, deviation)

    def distance(rows):
        return np.square(out[0][rows] - within[0][rows]).mean()

    expected = {
        "correlation": np.mean([rho[q, count + q % len(group)] for q in queried]),
        "kl_out_in": kl(part(out, queried), part(within, queried))
        / kl(part(out, own), part(within, own)),
        "kl_in_out": kl(part(within, queried), part(out, queried))
        / kl(part(within, own), part(out, own)),
        "mean_distance": distance(queried) / distance(own),
    }
    for objective in OBJECTIVES:
        found = problem.leak([group], objective)(queries[None])
        assert float(found.objective) == pytest.approx(expected[objective], rel=1e-7)
        assert float(found.certificate) == pytest.approx(expected["kl_out_in"], rel=1e-7)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("fc", {"depth": 3}, (20, 6)),
        ("fc", {"depth": 2, "activation": "gelu", "b_std": 0.1}, (20, 6)),
        ("rbf", {}, (20, 6)),
        ("conv", {"depth": 2}, (8, 2, 4, 4)),
    ],
)
def test_gradients_against_finite_differences(name, options, shape, objective):
    problem = setting(name, shape, **options)
    leak = problem.leak([[1], [4]] if name == "conv" else [[1, 3], [4, 0]], objective)
    start = problem.noise([1, 2], queries=1 if name == "conv" else 2)(0)
    torch.autograd.gradcheck(lambda x: leak(x).objective, start.requires_grad_(), rtol=1e-5)


def test_rows_choose_their_searches():
    problem = setting()
    leak, queries = problem.leak([[1], [4], [7]]), problem.noise([1, 2, 3])(0)
    whole = leak(queries).objective
    some = leak(queries[[2, 0]], torch.tensor([2, 0])).objective
    torch.testing.assert_close(some, whole[[2, 0]], rtol=1e-12, atol=0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_record_itself_is_one(objective):
    problem = setting()
    leak = problem.leak([[1, 2], [4, 0]], objective)
    found = leak(problem.inputs[torch.tensor([[1, 2], [4, 0]])])
    torch.testing.assert_close(found.objective, torch.ones(2).double(), rtol=0, atol=1e-8)
    torch.testing.assert_close(found.certificate, torch.ones(2).double(), rtol=0, atol=1e-8)


def test_length_matters_to_the_mean_distance_alone():
    problem = setting()
    queries = problem.noise([5])(0)
    for objective, factor in zip(OBJECTIVES, (1, 1, 1, 6.25), strict=True):
        leak = problem.leak([[5]], objective)
        ratio = leak(2.5 * queries).objective / leak(queries).objective
        assert float(ratio) == pytest.approx(factor, rel=1e-9)


def test_repeated_queries_tell_no_more_than_one():
    problem = setting()
    leak = problem.leak([[5]], "kl_out_in")
    query = problem.noise([5])(0)
    twice = leak(query.repeat(1, 2, 1)).objective
    torch.testing.assert_close(twice, leak(query).objective, rtol=1e-6, atol=0)


def test_what_does_not_fit_is_refused():
    problem = setting()
    with pytest.raises(ImprintError, match="unknown objective 'both'"):
        problem.leak([[1]], "both")
    with pytest.raises(ImprintError, match="not among"):
        problem.leak([[40]])
    with pytest.raises(ImprintError, match="39 inputs do not fit 40"):
        LeakOfQueries(problem.kernel, problem.inputs[1:], problem.posterior, torch.tensor([[1]]))
