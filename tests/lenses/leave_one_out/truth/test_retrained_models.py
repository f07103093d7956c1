import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.truth.retrained_models import (
    RetrainedModels,
    contrast,
    effect_records,
    half_of_models,
    mean_by,
    subset_numbers,
)

MEMBERS = np.array([[1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 0, 1], [0, 1, 1]], dtype=bool)
OUTPUTS = np.array([[5.0], [3.0], [7.0], [6.0], [1.0]])


def test_effect_of_pairs_is_their_mean_difference() -> None:
    pairs = np.array([[0, 1], [2, 1], [2, 3]])
    models = RetrainedModels(OUTPUTS, MEMBERS, None, pairs)
    records = effect_records(models)
    assert records.tolist() == [1, 2]
    weights, shown = contrast(models, records)
    assert shown.all()
    np.testing.assert_allclose(weights @ OUTPUTS, [[7 - 6], [((5 - 3) + (7 - 3)) / 2]])


def test_effect_of_subsets_is_the_difference_of_means_with_and_without() -> None:
    models = RetrainedModels(OUTPUTS, MEMBERS)
    weights, _ = contrast(models, effect_records(models))
    expected = [
        OUTPUTS[MEMBERS[:, row]].mean() - OUTPUTS[~MEMBERS[:, row]].mean() for row in range(3)
    ]
    np.testing.assert_allclose((weights @ OUTPUTS)[:, 0], expected)


def test_models_that_are_not_kept_count_nothing() -> None:
    models = RetrainedModels(OUTPUTS, MEMBERS)
    kept = np.array([True, True, False, False, True])
    weights, shown = contrast(models, np.arange(3), kept)
    assert shown.tolist() == [True, False, True]
    assert not weights[:, ~kept].any()
    assert not weights[1].any()


def test_halves_keep_pairs_of_one_start_together() -> None:
    members = np.ones((12, 3), dtype=bool)
    pairs = []
    for start in range(4):
        for record in range(2):
            row = 4 + 2 * start + record
            members[row, record] = False
            pairs.append([start, row])
    models = RetrainedModels(np.zeros((12, 1)), members, None, np.array(pairs))
    half = half_of_models(models, np.random.default_rng(0))
    assert half[:4].sum() == 2
    assert all(half[within] == half[without] for within, without in pairs)


def test_equal_subsets_are_averaged() -> None:
    members = np.array([[1, 0], [0, 1], [1, 0], [1, 1]], dtype=bool)
    numbers = subset_numbers(members)
    assert numbers[0] == numbers[2]
    assert len(set(numbers.tolist())) == 3
    means = mean_by(numbers, np.array([[1.0], [2], [3], [4]]))
    assert means[numbers[0], 0] == 2


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([[0, 9]], "pairs name model 9, and there are 5"),
        ([[0, 2]], "differ by 0 records"),
        ([[1, 0]], "the first must hold one record that the second lacks"),
        ([[1, 3]], "differ by 2 records"),
    ],
)
def test_pairs_that_are_none_are_refused(pairs, message) -> None:
    with pytest.raises(ImprintError, match=message):
        RetrainedModels(OUTPUTS, MEMBERS, None, np.array(pairs))


def test_shapes_that_do_not_fit_and_too_few_models_are_refused() -> None:
    with pytest.raises(ImprintError, match=r"outputs \[5, 1\] and members \[4, 3\] do not fit"):
        RetrainedModels(OUTPUTS, MEMBERS[:4])
    with pytest.raises(ImprintError, match="3 retrained models are too few"):
        RetrainedModels(OUTPUTS[:3], MEMBERS[:3])
