import numpy as np
import torch

from imprint.lenses.leave_one_out.posterior.noise_path import spectrum
from imprint.lenses.leave_one_out.posterior.summary import (
    COLLINEAR_MISSING,
    NAMED_RECORDS,
    distinct_records,
    find_duplicates,
    fit_findings,
    named_rows,
    path_columns,
    reason,
)

NAMES = ("kl_in_out", "mean_distance", "memorization", "leverage", "leverage_alone")


def table():
    """Four records, of which the third is a copy of the first."""
    columns = {name: np.array([0.1, 0.2, 0.1, 0.4]) for name in NAMES}
    return {
        "index": np.array([10, 11, 12, 13]),
        "label": np.array([0, 1, 1, 1]),
        "prediction_out": np.array([0, 0, 1, 1]),
        "first_copy": np.array([True, True, False, True]),
        "kl_out_in": np.array([3.0, 1.0, 3.0, 2.0]),
        "auc": np.array([0.8, 0.6, 0.8, 0.7]),
        "tpr": np.array([0.6, 0.1, 0.6, 0.2]),
        **columns,
    }


def test_numbers_are_over_distinct_records():
    columns = table()
    copies = torch.tensor([0, 1, 0, 3])
    duplicates = find_duplicates(columns, copies, copies, None)
    findings = fit_findings(
        columns, 2, duplicates, kernel={"name": "rbf"}, noise=0.1, classes=("a", "b")
    )
    assert (findings.records, findings.distinct) == (4, 3)
    assert findings.kl_out_in.median.value == 2.0
    assert (findings.kl_out_in.most.value, findings.kl_out_in.most.index) == (3.0, 10)
    assert findings.distinguishable.value == findings.given_away.value == 1 / 3
    assert findings.leave_one_out_accuracy.value == 2 / 3
    assert findings.effective_degrees_of_freedom == columns["leverage_alone"].sum()


def test_duplicates_name_their_records_and_conflicting_labels():
    duplicates = find_duplicates(table(), torch.tensor([0, 1, 0, 3]), torch.arange(4), None)
    assert duplicates.exact.first == duplicates.exact.disputed == ((10, 12),)
    assert (duplicates.exact.groups, duplicates.exact.conflicting) == (1, 1)
    assert (duplicates.near.groups, duplicates.near.distance) == (0, 0.01)
    assert duplicates.collinear == COLLINEAR_MISSING


def test_the_extremes_of_every_measure_are_named():
    columns = table()
    assert len(distinct_records(columns)["index"]) == 3
    assert named_rows(columns).tolist() == [0, 1, 3]
    many = {name: np.repeat(column[:2], 50) for name, column in columns.items()}
    many["first_copy"] = np.ones(100, dtype=bool)
    assert NAMED_RECORDS <= len(named_rows(many)) <= NAMED_RECORDS + 7


def test_the_path_of_independent_records_by_hand():
    """K = I: R = 1/(1 + σ²), leverage 1/(1 + σ²)."""
    targets = torch.tensor([[0.5, -0.5], [-0.5, 0.5]]).double()
    kernel = torch.eye(2).double()
    path = path_columns(spectrum(kernel), targets, kernel.diagonal(), torch.arange(2), [1.0, 3.0])
    assert path["noise"].tolist() == [1.0, 3.0]
    np.testing.assert_allclose(path["effective_degrees_of_freedom"], [1.0, 0.5])
    # z = 1/σ², a = |y|² / (1 + σ²): at σ² = 1, ½ [2 (1 − log 2) + 1/4].
    np.testing.assert_allclose(path["kl_median"][0], 1 - np.log(2) + 0.125)


def test_reasons_are_in_words():
    assert (reason(True), reason(False)) == ("unexpected label", "far from the rest")
