import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.series.options import StudyOptions


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subsets": 0}, "subsets must be at least 1, got 0"),
        ({"curvature_probe_counts": (1, 0)}, "curvature_probe_counts must be at least 1, got 0"),
        ({"population": 1.0}, r"population must be in \[0, 1\), got 1"),
    ],
)
def test_options_out_of_range_are_named_with_their_range(changes, message):
    with pytest.raises(ImprintError, match=message):
        StudyOptions(over="models", out="study", **changes)


def test_coins_are_drawn_unless_asked_otherwise():
    assert StudyOptions(over="size", out="study").masks == "coins"
