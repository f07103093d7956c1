import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.membership import range_attack

POINTS = np.arange(1, 11)[:, None] / 10


def test_kept_scores_are_averaged():
    assert range_attack(POINTS, kept=6).scores.tolist() == pytest.approx([0.75])
    assert range_attack(POINTS).scores.tolist() == pytest.approx([0.55])


def test_number_and_side_are_chosen_on_references():
    random = np.random.default_rng(0)
    members = random.random((2, 300)) < 0.5
    references = random.normal(size=(2, 5, 300))
    references[:, 0] += 6 * members
    result = range_attack(
        random.normal(size=(5, 20)).repeat(15, axis=1),
        reference_scores=references,
        reference_members=members,
    )
    assert (result.trim.kept, result.trim.side) == (1, "highest")
    assert "mean of the 1 highest scores of each range" in str(result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": [1.0, 2.0]}, r"scores must have 2 axes, none empty, got \[2\]"),
        ({"scores": np.zeros((3, 0))}, "none empty"),
        ({"scores": [[np.nan]]}, "scores holds a score that is not finite"),
        ({"kept": 0}, r"kept must be in \[1, 10\], the points, got 0"),
        ({"kept": 11}, r"kept must be in \[1, 10\], the points, got 11"),
        ({"side": "top"}, "side must be highest or lowest, got 'top'"),
        ({"reference_scores": np.zeros((2, 10, 1))}, "give reference_scores and reference_members"),
        (
            {"reference_scores": np.zeros((2, 9, 1)), "reference_members": [[1], [0]]},
            r"need reference_scores of \['n', 10, 1\]",
        ),
        (
            {"reference_scores": np.zeros((2, 10, 1)), "reference_members": [[1], [2]]},
            "reference_members must be bool, or 0 and 1",
        ),
        (
            {"reference_scores": np.zeros((2, 10, 1)), "reference_members": [[1], [0]]},
            "reference 0 has members alone, or none: leave it out",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(changes, message):
    with pytest.raises(ImprintError, match=message):
        range_attack(**{"scores": POINTS, **changes})


def test_kept_and_references_together_are_an_error():
    references = {"reference_scores": np.zeros((1, 2, 2)), "reference_members": [[1, 0]]}
    with pytest.raises(ImprintError, match="give either kept or reference_scores"):
        range_attack(np.zeros((2, 2)), kept=1, **references)
