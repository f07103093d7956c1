import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.stats.five_numbers import five_numbers


def test_quartiles_are_interpolated_whatever_the_order() -> None:
    values = np.random.default_rng(0).permutation(9.0 * np.arange(11))
    assert list(vars(five_numbers(values)).values()) == [0, 22.5, 45, 67.5, 90]
    assert set(vars(five_numbers([2.5])).values()) == {2.5}


@pytest.mark.parametrize(("values", "message"), [([], "at least 1"), ([1.0, np.nan], "row 1")])
def test_no_values_and_no_numbers_are_refused(values: list[float], message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        five_numbers(values)
