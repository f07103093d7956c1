import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.run import (
    DEFAULT_ATTACK,
    attack_cohort,
    choose_attacks,
    run_attacks,
)
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.stats.roc import auc
from tests.lenses.membership.cohort_cases import as_target, simulated

FAST = ["lira", "lira_fixed", "lira_shrunk", "rmia", "base", "mast", "watson", "attack_r", "multi"]


@pytest.mark.parametrize("name", [*FAST, "quantile", "attack_p", "loss", "lira_offline"])
def test_every_model_is_attacked_as_by_a_cohort_that_never_held_it(name):
    cohort = simulated(balanced=False, models=9, records=60)
    assert cohort.partners is None
    scores_by_row = attack_cohort(cohort, choose_attacks([name])).scores[name]
    for row in (0, 4, 8):
        alone = ATTACKS.get(name).score(as_target(cohort, row), {})
        np.testing.assert_allclose(scores_by_row[row], alone, rtol=1e-6, atol=1e-8)


def test_the_default_attack_comes_first_in_a_study():
    assert StudyOptions.__dataclass_fields__["attacks"].default[0] == DEFAULT_ATTACK
    assert DEFAULT_ATTACK in ATTACKS.names()


def test_balanced_masks_do_not_leak_who_was_the_target():
    # attack_r compares with the least OUT loss: one OUT model less would be a head start.
    cohort = simulated(seed=2, models=6, records=20_000, gap=0.0)
    for name in ("attack_r", "rmia", "lira_shrunk", "stacked"):
        scores = attack_cohort(cohort, choose_attacks([name])).scores[name]
        pairs = zip(scores, cohort.members, strict=True)
        areas = [auc(row[inside], row[~inside]).value for row, inside in pairs]
        # Six AUCs of 10,000 against 10,000: standard error 0.0041 / sqrt(6).
        assert abs(np.mean(areas) - 0.5) < 4 * 0.0041 / np.sqrt(6)


def test_a_cohort_with_a_gap_is_above_chance():
    cohort = simulated(models=16)
    scored = attack_cohort(cohort, choose_attacks(FAST))
    for name in FAST:
        assert evaluate_cohort(scored.scores[name], cohort.members).auc.ci95[0] > 0.55


def test_skipped_attacks_have_a_reason():
    cohort = simulated(models=4)
    bare = Cohort(cohort.signals, cohort.members)
    scored = attack_cohort(bare, choose_attacks(["all"]))
    assert scored.skipped["attack_p"] == "needs population records, which are not given"
    assert scored.skipped["curvature_lr"].startswith("needs the signal log_curvature")
    assert set(scored.scores) | set(scored.skipped) == set(ATTACKS.names())
    assert scored.reads["mentr"] == "phi"


def test_the_modified_entropy_of_every_model_can_be_given():
    cohort = simulated(models=4, records=10)
    given = np.random.default_rng(0).random((4, 1, 10))
    scored = attack_cohort(cohort, choose_attacks(["mentr"]), others={"mentr": given})
    assert scored.reads["mentr"] == "mentr"
    assert (scored.scores["mentr"] == -given[:, 0]).all()


def test_unknown_names_of_attacks_are_errors():
    assert [attack.name for attack in choose_attacks(["rmia", "loss", "rmia"])] == ["rmia", "loss"]
    with pytest.raises(ImprintError, match="unknown attack 'lyra': choose one of attack_p"):
        choose_attacks(["lyra"])
    with pytest.raises(ImprintError, match="no attack chosen"):
        choose_attacks([])


def test_one_model_is_no_cohort():
    with pytest.raises(ImprintError, match="give a cohort of two or more"):
        attack_cohort(simulated(models=1), choose_attacks(["loss"]))


def test_scores_do_not_depend_on_the_order_of_models():
    cohort = simulated(models=9, balanced=False)
    order = np.random.default_rng(1).permutation(8)
    evidence = as_target(cohort, 0)
    judges = evidence.references.cohort
    shuffled = Cohort(
        {"phi": judges.signals["phi"][order]},
        judges.members[order],
        {"phi": judges.population["phi"][order]},
    )
    moved = Evidence(evidence.target, References(shuffled), evidence.population)
    first, second = (run_attacks(each, choose_attacks(FAST)).scores for each in (evidence, moved))
    for name in FAST:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-8, atol=1e-9)
