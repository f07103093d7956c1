import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import (
    AgainstNonMembers,
    AgainstReference,
    Claims,
    NonMemberFindings,
    OneModelFindings,
    Significance,
)
from imprint.lenses.dejavu.page.verdict import (
    below_guessing,
    one_model_verdict,
    percents_of,
    two_model_verdict,
)
from imprint.report.wording import points
from tests.lenses.dejavu.page.cases import NOTHING, estimates, plain


@pytest.mark.parametrize(
    ("at_100", "at_20", "statement"),
    [
        ((0.01, 0.2), (0.1, 0.3), "The models memorized images they were trained on"),
        (
            (-0.1, 0.2),
            (0.1, 0.3),
            "Memorization shows among the images the models are most confident",
        ),
        # Of two looks at the same images, one that 95 % just leave above 0 is no claim.
        ((-0.1, 0.2), (0.005, 0.3), "No memorization beyond noise was found"),
        ((-0.1, 0.2), (-0.1, 0.3), "No memorization beyond noise was found"),
        ((-0.2, -0.1), (0.1, 0.3), "check the set-up"),
    ],
)
def test_verdict_follows_the_intervals(
    at_100: tuple[float, float], at_20: tuple[float, float], statement: str
) -> None:
    test = {"100": estimates(score=plain(*at_100)), "20": estimates(score=plain(*at_20))}
    heading = two_model_verdict(test).heading
    assert statement in heading
    low, high = at_20 if statement.startswith("Memorization") else at_100
    assert f"{points(low)}, {points(high)}] on " in heading


@pytest.mark.parametrize(
    ("score", "excess", "heading"),
    [
        (
            (-0.25, -0.09),
            (-0.17, 0.07),
            "No memorization beyond noise was found: −5.0 points [−17.0, +7.0] beyond non-members",
        ),
        (
            (-0.25, -0.09),
            (0.02, 0.1),
            "The model memorized images it was trained on: +6.0 points [+2.0, +10.0] beyond "
            "non-members",
        ),
        (
            (0.1, 0.3),
            (-0.02, 0.1),
            "No memorization: the model does as well on non-members: +4.0 points "
            "[−2.0, +10.0] beyond non-members",
        ),
        (
            (0.1, 0.3),
            None,
            "The model names more objects than any reference finds in the background: +20.0 "
            "points [+10.0, +30.0] on all attacked images",
        ),
    ],
)
def test_the_verdict_on_one_model_names_what_is_beyond_non_members(
    score: tuple[float, float], excess: tuple[float, float] | None, heading: str
) -> None:
    test = {"100": estimates(score=plain(*score))}
    non_members: NonMemberFindings | Missing = Missing("all are members")
    if excess is not None:
        beyond = AgainstNonMembers(test, plain(*excess))
        non_members = NonMemberFindings({"combined": beyond}, NOTHING)
    findings = OneModelFindings(
        best="combined",
        against={"combined": AgainstReference(test, Significance(1, 1, 1.0), Missing("none"))},
        agreement=(),
        explained=NOTHING,
        calibrated=True,
        calibration={},
        claims=Claims(1, 0, 1, 0),
        non_members=non_members,
    )
    assert one_model_verdict(findings).heading == heading


def test_an_accuracy_below_guessing_is_explained() -> None:
    test = {
        "100": estimates(target_accuracy=plain(0.3, 0.4), reference_accuracy=plain(0.07, 0.12)),
        "20": estimates(target_accuracy=plain(0.5, 0.9), reference_accuracy=plain(0.006, 0.05, 36)),
    }
    noise, sure = below_guessing(
        test, 0.1, {"target_accuracy": "The target", "reference_accuracy": "The reference"}
    )
    assert noise == (
        "The reference names 9.5% of all attacked images (7.0% to 12.0%), fewer than guessing "
        "would (10.0%): within the noise of 90 images."
    )
    assert sure.startswith(
        "The reference names 2.8% of its 20% most confident images (0.6% to 5.0%), fewer than "
        "guessing would (10.0%): its neighbours agree there on a class"
    )


def test_an_accuracy_that_reads_as_that_of_guessing_is_not_said_to_be_below() -> None:
    test = {"100": estimates(target_accuracy=plain(0.05, 0.1499))}
    assert below_guessing(test, 0.1, {"target_accuracy": "The target"}) == []


def test_percentages_come_largest_first_and_other_keys_are_refused() -> None:
    assert percents_of({"5": estimates(), "100": estimates()}) == ["100", "5"]
    with pytest.raises(ImprintError, match="must hold findings by percentage"):
        percents_of({"all": estimates()})
