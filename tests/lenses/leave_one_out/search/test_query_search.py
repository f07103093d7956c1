import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions, certificate
from imprint.lenses.leave_one_out.posterior.groups import group_joint_influence
from imprint.lenses.leave_one_out.search.query_domain import (
    Box,
    Sphere,
)
from imprint.lenses.leave_one_out.search.query_search import SearchOptions, search_queries
from imprint.lenses.leave_one_out.search.reconstruction import reconstructions
from tests.lenses.leave_one_out.searches import setting

RECORDS = list(range(20))


ALONE = [[row] for row in RECORDS]


def test_signed_correlation_finds_every_record():
    """With the bound reached to 0.999; plain KL, from the same noise, is caught on half of them."""
    problem = setting(shape=(100, 60), depth=5)
    signed = search_queries(problem.leak(ALONE), problem.noise(RECORDS))
    assert signed.certificate.min() >= 0.999
    alike = reconstructions(signed.queries, problem.inputs, torch.tensor(RECORDS))
    assert alike.identified.all()
    assert alike.cosine.min() > 0.99
    plain = search_queries(problem.leak(ALONE, "kl_out_in"), problem.noise(RECORDS))
    caught = plain.certificate < 0.1
    assert 2 <= int(caught.sum()) <= 18
    assert plain.certificate[~caught].min() >= 0.999


def test_adam_gets_there_too():
    problem = setting(shape=(100, 60))
    options = SearchOptions(method="adam", steps=600)
    found = search_queries(problem.leak(ALONE), problem.noise(RECORDS), options)
    assert found.certificate.min() >= 0.999


def test_another_attempt_only_where_the_first_fell_short():
    problem = setting(shape=(100, 60))
    leak, starts = problem.leak(ALONE, "kl_out_in"), problem.noise(RECORDS)
    first = search_queries(leak, starts)
    more = search_queries(leak, starts, SearchOptions(restarts=6))
    assert more.certificate.min() >= 0.999
    reached = first.certificate >= 0.999
    assert (more.attempt[reached] == 0).all()
    assert (more.attempt[~reached] > 0).all()
    assert (more.evaluations[reached] == first.evaluations[reached]).all()
    for row in RECORDS:
        attempt = int(more.attempt[row])
        assert more.starts[row].equal(starts(attempt)[row])


@pytest.mark.parametrize("objective", ["correlation", "kl_out_in", "kl_in_out", "mean_distance"])
@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_values_are_those_of_the_queries_returned(objective, method):
    problem = setting()
    leak = problem.leak([[1], [2], [3]], objective)
    for steps in (0, 1, 12):
        options = SearchOptions(method=method, steps=steps)
        found = search_queries(leak, problem.noise([1, 2, 3]), options, Sphere(3.0))
        again = leak(found.queries)
        torch.testing.assert_close(found.objective, again.objective, rtol=1e-9, atol=0)
        torch.testing.assert_close(found.certificate, again.certificate, rtol=1e-7, atol=1e-12)


@given(
    st.integers(0, 10**6),
    st.sampled_from(["correlation", "kl_out_in", "kl_in_out", "mean_distance"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([0.01, 1.0]),
)
@settings(max_examples=12, deadline=None)
def test_no_search_exceeds_what_the_records_tell(seed, objective, removed, queries, noise):
    """Groups and query sets of any size: both divergences, and the area under the curve."""
    problem = setting(shape=(14, 5), noise=noise, seed=seed, depth=2)
    groups = [[0, 5, 9][:removed], [3, 1, 12][:removed]]
    found = search_queries(
        problem.leak(groups, objective),
        problem.noise([0, 3], queries),
        SearchOptions(steps=15, target_share=1.0),
        Sphere(2.0),
    )
    for measure in (Directions.kl_out_in, Directions.kl_in_out):
        ratio = certificate(found.reached, found.own, measure)
        assert (ratio <= 1 + 1e-8).all()
        assert (ratio >= 0).all()
    assert (found.reached.auc() <= found.own.auc() + 1e-10).all()


def test_a_group_is_reached_with_a_query_each():
    """All of one class: as many queries as records reach the bound, each shows a record."""
    problem = setting(shape=(60, 40))
    groups = [[0, 2, 4], [1, 7, 9], [10, 20, 30]]
    found = search_queries(problem.leak(groups), problem.noise([0, 1, 2], 3))
    assert found.certificate.min() >= 0.999
    for at, group in enumerate(groups):
        queries = found.queries[at].expand(3, 3, 40)
        alike = reconstructions(queries, problem.inputs, torch.tensor(group))
        assert alike.identified.all()
        assert sorted(alike.query.tolist()) == [0, 1, 2]


def test_fewer_queries_than_records_find_a_mixture():
    problem = setting(shape=(60, 40))
    leak = problem.leak([[0, 2]], "kl_out_in")
    found = search_queries(leak, problem.noise([0]), SearchOptions(restarts=4, target_share=1.0))
    alone = max(float(leak(problem.inputs[[row]][None]).objective) for row in (0, 2))
    assert alone <= float(found.certificate) * (1 + 1e-6)
    assert float(found.certificate) < 0.95


def test_more_queries_than_records_tell_no_more():
    problem = setting(shape=(60, 40))
    found = search_queries(problem.leak([[3]]), problem.noise([3], 2))
    assert 0.999 <= float(found.certificate) <= 1 + 1e-9


def test_together_as_one_at_a_time():
    problem = setting()
    names = [4, 9, 17]
    groups = [[row] for row in names]
    whole = search_queries(problem.leak(groups), problem.noise(names))
    blocks = search_queries(problem.leak(groups), problem.noise(names), SearchOptions(together=1))
    torch.testing.assert_close(blocks.queries, whole.queries, rtol=1e-6, atol=1e-6)
    for at, name in enumerate(names):
        alone = search_queries(problem.leak([[name]]), problem.noise([name]))
        torch.testing.assert_close(alone.queries[0], whole.queries[at], rtol=1e-6, atol=1e-6)
        assert alone.steps[0] == whole.steps[at]


def test_a_search_for_the_mean_distance_does_not_stop_by_the_certificate():
    problem = setting()
    leak = problem.leak([[1]], "mean_distance")
    start = problem.inputs[[1]][None]
    found = search_queries(leak, lambda _: start, None, Sphere(float(start.norm())))
    assert float(found.objective) > 1
    assert int(found.steps) > 0


def test_the_final_values_by_the_formula_for_groups():
    problem = setting()
    found = search_queries(problem.leak([[1, 6]]), problem.noise([1], 2), SearchOptions(steps=3))
    kernel, queries = problem.kernel, found.queries[0]
    cross, covariance = kernel(queries, problem.inputs), kernel(queries)
    group = torch.tensor([1, 6])
    expected = group_joint_influence(problem.posterior, group, cross, covariance)
    torch.testing.assert_close(
        found.reached.kl_out_in()[0], expected.kl_out_in(), rtol=1e-12, atol=0
    )


def test_wrong_arguments_are_refused():
    problem = setting()
    with pytest.raises(ImprintError, match=r"target_share must be in \(0, 1\], got 1\.5"):
        SearchOptions(target_share=1.5)
    with pytest.raises(ImprintError, match="got 'newton'"):
        SearchOptions(method="newton")
    with pytest.raises(ImprintError, match="do not fit 2 searches"):
        search_queries(problem.leak([[1], [2]]), problem.noise([1]))
    with pytest.raises(ImprintError, match="lower bound"):
        Box(torch.ones(1), torch.zeros(1))
    with pytest.raises(ImprintError, match="length 0"):
        Sphere(0)
