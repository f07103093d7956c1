"""What holds of every registered attack."""

from pathlib import Path

import numpy as np
import pytest

from imprint.lenses.membership import attacks
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import auc
from tests.lenses.membership.attack_cases import all_kinds, score, simulate, with_trajectory

NAMES = ATTACKS.names()


def test_each_attack_is_one_file_of_its_name():
    folder = Path(attacks.__file__).parent
    assert sorted(file.stem for file in folder.glob("[!_]*.py")) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [None, 1])
def test_a_constant_gap_makes_members_score_higher(name, target):
    evidence, members = simulate(11, models=16, records=600, gap=1.5, target=target)
    scores = score(name, evidence)
    assert auc(scores[members], scores[~members]).ci95[0] > 0.5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [None, 1])
def test_without_a_gap_every_attack_is_at_chance(name, target):
    evidence, members = simulate(12, models=8, records=3000, gap=0.0, target=target)
    scores = score(name, evidence)
    area = auc(scores[members], scores[~members])
    spread = (area.ci95[1] - area.ci95[0]) / 4
    assert abs(area.value - 0.5) < 4 * spread


@pytest.mark.parametrize("name", NAMES)
def test_a_target_that_saw_none_of_the_records_is_at_chance(name):
    # The references know how members look; the target has none, and labels are coin tosses.
    evidence, _ = simulate(13, models=8, records=3000, gap=1.0)
    place = evidence.references.cohort.signals["phi"].mean(axis=0)
    untouched = place - 0.5 + np.random.default_rng(0).normal(size=place.shape)
    scores = score(name, Evidence(all_kinds(untouched), evidence.references, evidence.population))
    labels = np.random.default_rng(1).random(3000) < 0.5
    area = auc(scores[labels], scores[~labels])
    assert abs(area.value - 0.5) < area.ci95[1] - area.ci95[0]


@pytest.mark.parametrize("models", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_few_models_give_numbers_or_a_reason(models, seed):
    random = np.random.default_rng(seed)
    phi = random.normal(size=(models, 2, 30)) * 4
    own = phi[0] + random.normal(size=(2, 30))
    both = with_trajectory(phi)
    members = random.random((models, 30)) < 0.5
    evidence = Evidence(all_kinds(own), References(Cohort(both, members, both)), {"phi": own})
    for name in NAMES:
        if ATTACKS.get(name).missing(evidence) is None:
            assert np.isfinite(score(name, evidence)).all(), name
        else:
            assert models == 1


@pytest.mark.parametrize("name", NAMES)
def test_signals_that_never_change_are_no_evidence(name):
    random = np.random.default_rng(0)
    constant = with_trajectory(np.full((6, 2, 9), 0.3))
    members = random.random((6, 9)) < 0.5
    one = {kind: values[0] for kind, values in constant.items()}
    target = all_kinds(one["phi"])
    evidence = Evidence(target, References(Cohort(constant, members, constant)), one)
    scores = score(name, evidence)
    if name in (
        "lira_moderated",
        "lira_shrunk",
        "multi",
    ):  # counts of models differ, and with them the tails
        assert np.abs(scores).max() < 1e-5
    else:
        assert auc(scores[:4], scores[4:]).value == 0.5
