import numpy as np

from imprint.core.missing import Missing
from imprint.report.marks import estimates
from imprint.stats.estimate import Estimate


def test_a_series_of_estimates_keeps_intervals_and_leaves_out_what_is_missing() -> None:
    values = [Estimate(0.5, (0.4, 0.6), 9), Missing("few"), None, Estimate(0.2, (0.1, 0.3), 9)]
    series = estimates("a", [1, 2, 4, 8], values, colour="ink")
    nan = np.nan
    assert np.array_equal(series.y, [0.5, nan, nan, 0.2], equal_nan=True)
    assert series.low is not None
    assert series.high is not None
    assert np.array_equal(series.low, [0.4, nan, nan, 0.1], equal_nan=True)
    assert np.array_equal(series.high, [0.6, nan, nan, 0.3], equal_nan=True)
    assert (series.colour, series.marker, series.line) == ("ink", "dot", "line")


def test_no_estimate_is_an_empty_series() -> None:
    series = estimates("a", [], [])
    assert len(series.y) == 0
