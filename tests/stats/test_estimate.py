from imprint.stats.estimate import Estimate, within_unit


def test_ends_of_the_interval_and_json() -> None:
    estimate = Estimate(0.5, (0.4, 0.7), 8)
    assert (estimate.low, estimate.high) == (0.4, 0.7)
    assert estimate.to_dict() == {"value": 0.5, "ci95": [0.4, 0.7], "n": 8}


def test_the_interval_of_a_share_is_cut_at_0_and_1() -> None:
    assert within_unit(Estimate(0.5, (-0.1, 1.2), 3)) == Estimate(0.5, (0.0, 1.0), 3)
