import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.options import AttackChoice, DejavuChoice, attack_of


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"voting": 21}, r"voting must be at most k \(20\), got 21"),
        ({"top_percent": ()}, "top_percent is empty"),
        ({"top_percent": (0.0,)}, r"top_percent must be in \(0, 100\], got 0"),
        ({"top_classes": 0}, "top_classes must be at least 1"),
    ],
)
def test_options_out_of_their_range_are_refused(changes, message):
    with pytest.raises(ImprintError, match=message):
        AttackChoice(**changes)


def test_the_options_of_the_attack_are_taken_from_those_of_the_command():
    options = DejavuChoice(out="unused", k=7, metric="cosine")
    assert attack_of(options) == AttackChoice(k=7, metric="cosine")
