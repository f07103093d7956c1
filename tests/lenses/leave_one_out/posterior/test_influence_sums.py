import numpy as np
import pytest

from imprint import leave_one_out
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.posterior import influence_sums
from imprint.lenses.leave_one_out.posterior.influence_sums import sum_influence

NAMES = ("a", "b", "c")


@pytest.mark.parametrize("own_pairs", [True, False])
def test_sums_equal_those_of_loops(monkeypatch, own_pairs):
    monkeypatch.setattr(influence_sums, "MAX_BLOCK_VALUES", 20)
    random = np.random.default_rng(0)
    influence = random.normal(size=(9, 9))
    records, queries = random.integers(0, 3, 9), random.integers(0, 2, 9)
    table, pairs, sums = sum_influence(influence, records, queries, NAMES, own_pairs=own_pairs)
    kept = influence.copy()
    if not own_pairs:
        np.fill_diagonal(kept, 0)
    np.testing.assert_allclose(table["influence_sum"], kept.sum(1))
    for query_class in range(3):
        for record_class in range(3):
            block = kept[records == record_class][:, queries == query_class]
            wanted = block.sum() / max(1, (queries == query_class).sum())
            assert sums.matrix[query_class][record_class] == pytest.approx(wanted)
            row = 3 * query_class + record_class
            assert pairs["influence_per_query"][row] == pytest.approx(wanted)
            assert pairs["pairs"][row] == block.size
    same = [kept[records == queries[q], q].sum() for q in range(9)]
    assert sums.same.value == pytest.approx(np.mean(same))
    assert sums.others.value == pytest.approx((kept.sum() - sum(same)) / 9)
    assert sums.raising[0].index == kept.sum(1).argmax()
    assert sums.lowering[0].index == kept.sum(1).argmin()


def test_the_matrix_of_many_classes_has_those_with_most_queries():
    labels = np.arange(40)
    queries = np.concatenate([labels, labels[5:17]])
    influence = np.ones((40, len(queries)))
    _, pairs, sums = sum_influence(influence, labels, queries, [str(name) for name in labels])
    assert sums.classes == tuple(str(name) for name in range(5, 17))
    assert (sums.all_classes, len(sums.matrix)) == (40, 12)
    assert len(pairs["index"]) == 1600


def test_one_query_has_no_interval():
    _, _, sums = sum_influence(np.ones((2, 1)), np.array([0, 1]), np.array([0]), NAMES)
    assert isinstance(sums.same, Missing)


@pytest.mark.parametrize(
    ("shape", "queries", "message"),
    [((2, 3), [0, 1], "does not fit"), ((2, 2), [0, 7], "run from 0 to 7"), ((2, 0), [], "empty")],
)
def test_shapes_and_classes_that_do_not_fit_are_refused(shape, queries, message):
    with pytest.raises(ImprintError, match=message):
        sum_influence(np.ones(shape), np.array([0, 1]), np.array(queries, dtype=int), NAMES)


def test_the_interval_over_queries_covers_the_mean():
    """1 − coverage of 95 % intervals over 200 draws lies within 0.05 ± 0.05 (3 σ is 0.046)."""
    random, missed = np.random.default_rng(1), 0
    for _ in range(200):
        influence = random.normal(0.3, 1, size=(4, 60))
        queries = random.integers(0, 2, 60)
        _, _, sums = sum_influence(influence, np.array([0, 0, 1, 1]), queries, NAMES)
        missed += not sums.same.low <= 0.6 <= sums.same.high
    assert missed <= 20


def test_the_signs_are_those_of_leaving_records_out():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(30, 4)), np.arange(30) % 2
    x[:, 0] += 2 * y
    fitted = leave_one_out.fit(x, y, kernel="rbf")
    tests = random.normal(size=(20, 4))
    labels = np.arange(20) % 2
    tests[:, 0] += 2 * labels
    result = fitted.query(tests, labels)
    totals = leave_one_out.sum_influence(result.measures["influence"], y, labels)
    assert totals.findings.matrix == result.findings.sums.matrix
    assert totals.findings.same.low > 0
    assert len(result.tables()) == 2
    assert result.figures()[0].values.shape == (2, 2)
    among = fitted.among_records().findings.sums
    assert not among.own_pairs
