import numpy as np
import pytest

from imprint import leave_one_out
from imprint.core.errors import ImprintError


def given():
    random = np.random.default_rng(0)
    influence = random.normal(size=(10, 4))
    members = random.integers(0, 2, size=(20, 10))
    return influence, members, (members @ influence)[..., None]


def test_tables_of_any_origin_are_compared_and_print_their_verdict() -> None:
    influence, members, outputs = given()
    tables = {"exact": influence, "noise": np.random.default_rng(1).normal(size=(10, 4))}
    result = leave_one_out.compare_influence(tables, outputs, members)
    assert result.verdict.startswith("exact, the best of 2, predicts retrained models: LDS 1.00")
    printed = str(result)
    assert "exact" in printed
    assert "noise ceiling" in printed
    records = result.to_records()
    assert records[0]["lds"] == pytest.approx(1)
    assert result.figures()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"influence": {"a": np.ones((10, 3))}}, r"influence a is \[10, 3\]"),
        ({"influence": {"a": np.full((10, 4), np.nan)}}, "influence a"),
        ({"influence": {"a": np.full((10, 4), "b")}}, "influence a"),
        ({"members": np.full((20, 10), 3)}, "members must be bool, or 0 and 1"),
        ({"outputs": np.ones((20, 4, 2))}, "outputs of 2 classes need query_labels"),
        ({"top": -1}, "--top -1 is not from 0 to 9"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message) -> None:
    influence, members, outputs = given()
    arguments = {"influence": {"a": influence}, "outputs": outputs, "members": members}
    with pytest.raises(ImprintError, match=message):
        leave_one_out.compare_influence(**{**arguments, **changes})
