import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.privacy.options import PrivacyOptions, ScoreBoundOptions
from imprint.train.cohort.options import CohortOptions


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (PrivacyOptions, {"canaries": 1}, "canaries must be at least 2, got 1"),
        (PrivacyOptions, {"epsilons": (1.0, 1.0)}, "is duplicated"),
        (PrivacyOptions, {"epsilons": (-1.0,)}, "epsilons must be above 0, got -1"),
        (PrivacyOptions, {"budget": (2.0, 0.1)}, r"budget must be in \[0, 1\], got 2"),
        (
            PrivacyOptions,
            {"epsilons": (1.0,), "train": CohortOptions(epsilon=1.0)},
            "exclude each other",
        ),
        (ScoreBoundOptions, {"arrays": "a.npz", "delta": 1.0}, r"delta must be in \[0, 1\), got 1"),
        (
            ScoreBoundOptions,
            {"arrays": "a.npz", "confidence": 0.4},
            "must hold more often than it fails",
        ),
    ],
)
def test_options_out_of_range_are_named_with_their_range(kind, changes, message):
    with pytest.raises(ImprintError, match=message):
        kind(out="study", **changes)


def test_budget_left_out_and_empty_budget_are_different():
    assert ScoreBoundOptions(out="a", arrays="a.npz").budget is None
    assert ScoreBoundOptions(out="a", arrays="a.npz", budget=()).budget == ()
