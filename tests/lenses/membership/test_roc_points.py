import numpy as np

from imprint.lenses.membership.roc_points import roc_points, turning_points
from imprint.stats.roc import roc


def test_straight_runs_keep_their_ends_alone():
    # Three members, two non-members, a member: up, level, up.
    scores = np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    members = np.array([True, True, True, False, False, True])
    points = roc_points({"loss": scores}, members)
    assert points.fpr.tolist() == [0, 0, 1, 1]
    assert points.tpr.tolist() == [0, 0.75, 0.75, 1]
    assert points.threshold.tolist() == [np.inf, 4, 2, 1]
    assert points.to_records()[1] == {"attack": "loss", "fpr": 0, "tpr": 0.75, "threshold": 4}


def test_the_curve_is_that_of_all_vertices():
    draw = np.random.default_rng(0)
    scores, members = draw.integers(0, 30, 400) * 1.0, draw.random(400) < 0.4
    curve = roc(scores[members], scores[~members])
    kept = turning_points(curve)
    assert len(kept) <= len(curve.fpr)
    area = np.trapezoid(curve.tpr, curve.fpr)
    assert np.isclose(np.trapezoid(curve.tpr[kept], curve.fpr[kept]), area)


def test_attacks_stand_one_behind_another():
    draw = np.random.default_rng(1)
    members = np.arange(50) < 25
    points = roc_points({"a": draw.random(50), "b": draw.random(50)}, members)
    columns = points.columns()
    assert list(columns) == ["index", "attack", "fpr", "tpr", "threshold"]
    for name in "ab":
        own = columns["attack"] == name
        assert np.all(np.diff(columns["fpr"][own]) >= 0)
        assert columns["tpr"][own][[0, -1]].tolist() == [0, 1]
