import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.clusters.search import SPACE, SubsetObjective, search
from imprint.study.finding import to_json

SMALL = {"KMeans": {"n_clusters": (2, 6)}, "Birch": {"n_clusters": (2, 6)}}


def planted(seed: int = 0) -> SubsetObjective:
    """Subsets whose wrong inputs all share a cell: more variety goes with a higher F1."""
    random = np.random.default_rng(seed)
    train = random.normal(size=(300, 3)).astype(np.float32)
    wrong = random.random((12, 40)) < np.linspace(0.05, 0.95, 12)[:, None]
    test = random.normal(size=(12, 40, 3))
    test[wrong] = 3.0
    labels = random.integers(0, 3, (12, 40))
    predictions = np.where(wrong, (labels + 1) % 3, labels)
    rows = np.arange(480).reshape(12, 40)
    whole = SubsetObjective.of(
        train,
        test.reshape(-1, 3).astype(np.float32),
        labels.ravel(),
        predictions.ravel(),
        seed,
        subsets=12,
        size=40,
    )
    f1 = 1 - wrong.mean(axis=1)
    return SubsetObjective(whole.train, whole.test, rows, f1, seed)


def test_a_planted_relation_is_found_on_the_grid() -> None:
    found = search(planted(), trials=0)
    told = to_json(found)
    assert told["backend_used"] == "grid"
    assert told["num_evaluations"] == len(told["history"]) == 9
    assert told["best_config"]["clusterer"] == "exact"
    assert told["best_score"]["value"] > 0.8
    assert told["best_score"]["ci95"][0] > 0.5
    assert told["best_score"] == max(
        (trial["score"] for trial in told["history"]), key=lambda score: score["value"]
    )


def test_other_clusterers_are_tried_once_each_point() -> None:
    found = search(planted(), trials=6, starts=3, space=SMALL)
    told = to_json(found)
    assert (told["backend_used"], told["num_evaluations"]) == ("sklearn", 15)
    assert {trial.config["clusterer"] for trial in found.history[9:]} <= set(SMALL)
    assert all(2 <= trial.config["n_clusters"] <= 6 for trial in found.history[9:])
    assert found == search(planted(), trials=6, starts=3, space=SMALL)


def test_coverage_that_never_changes_has_no_score() -> None:
    objective = planted()
    same = SubsetObjective(objective.train, objective.test * 0, objective.subsets, objective.f1, 0)
    trial = same.trial("exact", {"clusters": 2})
    assert trial.score == Missing("the correlation is undefined: first is constant")


@pytest.mark.parametrize("name", SPACE)
def test_the_ends_of_every_range_are_accepted(name: str) -> None:
    whole = planted()
    objective = SubsetObjective(whole.train[:100], whole.test, whole.subsets, whole.f1, 0)
    for end in (0, 1):
        parameters = {key: ends[end] for key, ends in SPACE[name].items()}
        score = objective.trial(name, parameters).score
        assert (
            not isinstance(score, Missing)
            or "constant" in score.missing
            or "intervals" in score.missing
            or "converge" in score.missing
        )


def test_unrelated_subsets_have_a_score_near_zero() -> None:
    """40 subsets of one size: |r| above 0.51 has a chance below 0.001."""
    random = np.random.default_rng(0)
    values = random.normal(size=(2000, 3)).astype(np.float32)
    labels = random.integers(0, 3, 2000)
    predictions = np.where(random.random(2000) < 0.3, 0, labels)
    objective = SubsetObjective.of(values, values, labels, predictions, 0, subsets=40)
    assert objective.subsets.shape == (40, 200)
    trial = objective.trial("exact", {"clusters": 5})
    assert abs(trial.value) < 0.51


def test_too_few_subsets_are_refused() -> None:
    values = np.zeros((20, 1), dtype=np.float32)
    labels = np.zeros(20, dtype=np.int64)
    with pytest.raises(ImprintError, match="2 subsets of 2 of 20"):
        SubsetObjective.of(values, values, labels, labels, 0, subsets=2)
