import numpy as np
import pytest

from imprint import dejavu
from imprint.core.errors import ImprintError

LABELS, PUBLIC_LABELS = np.arange(40) % 4, np.arange(120) % 4


def result_of(seed, count=40):
    random = np.random.default_rng(seed)
    public = 3 * np.eye(4)[PUBLIC_LABELS] + random.normal(size=(120, 4))
    target = np.eye(4)[LABELS[:count]] + random.normal(size=(count, 4))
    reference = random.normal(size=(count, 4))
    return dejavu.two_model(public, PUBLIC_LABELS, target, reference, LABELS[:count], k=9)


def test_the_pooled_score_is_the_mean_of_the_results():
    results = [result_of(seed) for seed in range(3)]
    pooled = dejavu.pool(results, names=["a", "b", "c"], top_percent=(100,))
    scores = [each.findings.two_model["100"].score.value for each in results]
    assert pooled.findings.test["100"].score.value == pytest.approx(np.mean(scores))
    assert [each.name for each in pooled.findings.seeds] == ["a", "b", "c"]
    assert "all seeds, pooled" in str(pooled)
    assert pooled.figures()


def test_directions_count_the_same():
    results = [result_of(seed) for seed in range(4)]
    pooled = dejavu.pool([results[:2], results[2:]], top_percent=(100,))
    scores = [each.findings.two_model["100"].score.value for each in results]
    assert pooled.findings.test["100"].score.value == pytest.approx(np.mean(scores))
    assert pooled.findings.test["100"].score.n == 80


@pytest.mark.parametrize(
    ("results", "names", "message"),
    [
        ([result_of(0)], None, "two pairs of models or more"),
        ([result_of(0), result_of(1, 36)], None, "attacked on other images"),
        ([result_of(0), result_of(1)], ["a"], "2 results need as many names"),
    ],
)
def test_results_that_cannot_be_pooled_are_refused(results, names, message):
    with pytest.raises(ImprintError, match=message):
        dejavu.pool(results, names=names)
