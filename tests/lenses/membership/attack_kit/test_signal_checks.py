import numpy as np

from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.attack_kit.signal_checks import (
    describe_attack,
    explain,
    suspect_signals,
    widen,
)
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.estimate import Estimate
from tests.lenses.membership.evaluation_cases import make_evaluation

MEMBERS = np.arange(400) < 200


def margins(gap, seed=0):
    return np.random.default_rng(seed).normal(size=(1, 400)) + gap * MEMBERS


def test_margins_that_are_larger_on_members_are_not_suspect():
    assert suspect_signals(Evidence({"phi": margins(1.0)}), MEMBERS) == []


def test_a_constant_signal_is_reported():
    (sentence,) = suspect_signals(Evidence({"phi": np.full((1, 400), 2.0)}), MEMBERS)
    assert sentence == "all logit margins of the target are 2: they carry no information"


def test_probabilities_are_recognised_by_their_range():
    probabilities = 1 / (1 + np.exp(-margins(1.0)))
    (sentence,) = suspect_signals(Evidence({"phi": probabilities}), MEMBERS)
    assert sentence.startswith("all 400 logit margins lie in [0, 1], as probabilities do")


def test_curvature_that_is_larger_on_members_has_the_wrong_direction():
    (sentence,) = suspect_signals(Evidence({"log_curvature": margins(1.0)}), MEMBERS)
    assert sentence.startswith("the log-curvatures are larger on members than on non-members")


def test_references_whose_masks_are_inverted_are_reported():
    masks = np.random.default_rng(1).random((8, 400)) < 0.5
    signals = np.random.default_rng(2).normal(size=(8, 1, 400)) + 2.0 * masks[:, None]
    evidence = Evidence({"phi": margins(1.0)}, References(Cohort({"phi": signals}, ~masks)))
    (sentence,) = suspect_signals(evidence, MEMBERS)
    assert "the reference models' logit margins are smaller on the records" in sentence


def test_masks_that_reveal_the_targets_members_are_reported():
    masks = np.tile(MEMBERS, (4, 1))
    masks[0] = ~MEMBERS
    signals = np.random.default_rng(2).normal(size=(4, 1, 400)) + 2.0 * masks[:, None]
    evidence = Evidence({"phi": margins(1.0)}, References(Cohort({"phi": signals}, masks)))
    assert any(
        "reveals the target's members" in each for each in suspect_signals(evidence, MEMBERS)
    )


def test_an_interval_is_widened_to_other_standard_errors():
    low, high = widen(Estimate(0.5, (0.5 - 1.959964, 0.5 + 2 * 1.959964), 10), 5.0)
    assert np.isclose(low, -4.5)
    assert np.isclose(high, 10.5)


def test_notes_explain_numbers_without_meaning():
    tied = np.where(np.arange(400) % 4 == 0, np.arange(400.0), 0.0)
    assert explain(tied, evaluate(tied, MEMBERS)).startswith("301 of 400 scores are equal")
    below = -margins(1.0)[0]
    assert explain(below, evaluate(below, MEMBERS)).startswith("below chance")
    assert explain(margins(1.0)[0], evaluate(margins(1.0)[0], MEMBERS)) is None


def test_a_finding_of_equal_scores_has_a_note():
    evaluation = make_evaluation((0.5, 0.4, 0.6), None)
    note = describe_attack(np.zeros(50), evaluation, "phi").note
    assert note == "every record has the same score, so the AUC is 50 % regardless of membership"
    assert describe_attack(np.arange(50.0), evaluation, "phi").note is None
