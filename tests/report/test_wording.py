import math

import pytest

from imprint.report import wording
from imprint.report.wording import (
    Writer,
    count,
    decimal,
    fixed,
    interval,
    narrow_interval,
    nats,
    p_value,
    percent,
    plural,
    points,
    quantity,
    scientific,
    short_percent,
    short_points,
    significant,
    small_percent,
    with_interval,
)
from imprint.stats.estimate import Estimate


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (percent, 0.6128, "61.3%"),
        (percent, -0.0001, "0.0%"),
        (percent, 1.0, "100.0%"),
        (points, 0.1234, "+12.3"),
        (points, -0.1234, "−12.3"),
        (points, 0.0001, "0.0"),
        (small_percent, 1 / 60_000, "<0.01%"),
        (short_percent, 1e-5, "0.001%"),
        (short_points, 0.0, "0"),
        (count, 1234.6, "1,235"),
        (quantity, 16913.4, "16,913"),
        (significant, 0.0123456, "0.0123"),
        (significant, -1234.5, "−1,230"),
        (significant, 0.0, "0"),
        (scientific, 1e-5, "10⁻⁵"),
        (nats, -0.005, "−0.01"),
        (fixed(3), 2 / 3, "0.667"),
        (p_value, 0.04567, "p = 0.046"),
    ],
)
def test_numbers_are_written(write: Writer, value: float, text: str) -> None:
    assert write(value) == text


@pytest.mark.parametrize("write", [percent, points, nats, significant, decimal, fixed(2)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_dash(write: Writer, value: float) -> None:
    assert write(value) == wording.MISSING


def test_intervals_use_the_writer_of_their_value() -> None:
    estimate = Estimate(0.5, (0.125, 0.875), 16)
    assert interval(estimate) == "12.5% to 87.5%"
    assert with_interval(estimate, fixed(3)) == "0.500 [0.125, 0.875]"
    assert narrow_interval(estimate) == "12.5–87.5%"
    assert narrow_interval(Estimate(0, (-0.25, 0.25), 4), fixed(2)) == "−0.25…0.25"


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1 class"), (0, "0 classes"), (2000, "2,000 classes")]
)
def test_nouns_are_counted(number: int, text: str) -> None:
    assert plural(number, "class", "classes") == text
