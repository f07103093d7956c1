import numpy as np
from scipy.stats import binom

from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.attack_kit.tail_test import tail_test
from imprint.lenses.membership.findings import Evaluation
from imprint.lenses.membership.page.verdict import attack_verdict
from imprint.stats.estimate import Estimate
from tests.lenses.membership.evaluation_cases import make_evaluation


def test_the_heading_claims_no_more_than_the_intervals() -> None:
    sharp = {"a": make_evaluation((0.7, 0.6, 0.8), (0.3, 0.2, 0.4))}
    mean = {"a": make_evaluation((0.885, 0.85, 0.91), (0.02, 0.005, 0.1))}
    weak = {"a": make_evaluation((0.54, 0.52, 0.56), (0.02, 0.005, 0.1))}
    none = {"a": make_evaluation((0.52, 0.48, 0.56), (0.02, 0.005, 0.1))}
    below = {"a": make_evaluation((0.31, 0.28, 0.34), (0.0, 0.0, 0.05))}
    few = {"a": make_evaluation((0.885, 0.85, 0.91), None, None)}
    assert attack_verdict(sharp).heading == (
        "Single training images can be identified: a has TPR 30.0% at 1% FPR"
    )
    assert attack_verdict(mean).heading == (
        "Members score higher on average (a: AUC 88.5% [85.0%, 91.0%]); its TPR at 1% FPR is "
        "2.0% [0.5%, 10.0%], too uncertain to rule out guessing"
    )
    less = {"a": make_evaluation((0.885, 0.85, 0.91), (0.01, 0.0, 0.1))}
    assert attack_verdict(less).heading.endswith(
        "its TPR at 1% FPR is 1.0% [0.0%, 10.0%], no more than guessing"
    )
    assert attack_verdict(weak).heading == (
        "Weak signal: a scores members higher on average (AUC 54.0% [52.0%, 56.0%]); no record can "
        "be named with confidence"
    )
    assert "too few to say whether single images" in attack_verdict(few).heading
    wide = {"a": make_evaluation((0.885, 0.85, 0.91), None, (0.3, 0.2, 0.4))}
    assert attack_verdict(wide).heading == (
        "Members are found more often than by guessing: a has TPR 30.0% at 10% FPR; "
        "no record can be named with confidence"
    )
    assert attack_verdict(none).kind == "nothing"
    tiny = {"a": make_evaluation((1.0, 0.48, 1.0), None)}
    assert attack_verdict(tiny).heading.startswith(
        "Inconclusive, with too few records: the best attack, a,"
    )
    assert "the best, a, has an AUC of 52.0% [48.0%, 56.0%]" in attack_verdict(none).heading
    assert attack_verdict(below).heading.startswith(
        "Below chance: a scores members lower than non-members (AUC 31.0% [28.0%, 34.0%])"
    )


def test_losses_that_no_member_has_are_not_called_nothing() -> None:
    """16 of 300 non-members above all 600 members: chance gives 16 or more once in 10^8."""
    none = {"a": make_evaluation((0.52, 0.48, 0.56), (0.02, 0.005, 0.1))}
    members, others = np.linspace(0, 1, 600), np.linspace(0, 1, 300)
    beyond = tail_test(members, np.r_[others[16:], np.full(16, 2.0)], beta=0)
    found = attack_verdict(none, tail=beyond)
    assert found.kind == "found"
    assert found.heading == (
        "Losses of non-members reach beyond those of members, yet no attack tells them apart: "
        "5.3% of the non-members lie beyond; AUC of a: 52.0% [48.0%, 56.0%]"
    )
    alike = tail_test(members, others, beta=0)
    assert attack_verdict(none, tail=alike) == attack_verdict(none)


def test_the_best_of_many_attacks_needs_more_than_its_own_interval() -> None:
    one = make_evaluation((0.55, 0.51, 0.59), (0.02, 0.012, 0.1))
    assert attack_verdict({"a": one}).kind == "found"
    assert attack_verdict({str(row): one for row in range(20)}).kind == "nothing"


def test_headings_claim_something_of_noise_in_at_most_five_percent() -> None:
    """Twelve attacks that know nothing; the control: without widening, far more often."""
    random = np.random.default_rng(0)
    members = np.arange(600) < 300
    claims = naive = 0
    for _ in range(150):
        scores = random.normal(size=(12, 600))
        attacks = {str(row): evaluate(one, members) for row, one in enumerate(scores)}
        claims += attack_verdict(attacks).kind == "found"
        naive += any(attack.auc.low > 0.5 for attack in attacks.values())
    assert claims <= binom.isf(1e-4, 150, 0.05) < naive


def test_the_best_of_six_slightly_above_one_half_is_called_chance() -> None:
    """One attack has an AUC of 55.1 % [50.1, 60.1] and says something; the best of six does not."""
    auc = Estimate(0.551, (0.501, 0.601), 500)
    area = Evaluation(auc, {}, auc, 0.004)
    six = attack_verdict({f"attack {number}": area for number in range(6)})
    assert six.kind == "nothing"
    assert six.heading.endswith("AUC of 55.1% [50.1%, 60.1%], as the best of 6 may by chance")
    assert attack_verdict({"attack": area}).kind == "found"
