import numpy as np

from imprint.lenses.membership.attack_kit.triage import triage
from imprint.lenses.membership.findings import BothSides, MembershipFindings, ShadowFit
from imprint.lenses.membership.study.fit import (
    measure_shadow_fit,
    warn_if_models_near_chance,
    warn_if_network_near_chance,
    warn_if_shadows_fit_differently,
)
from imprint.lenses.membership.study.model_signals import ModelSignals

MEMBERS = np.array([True, True, False, False])


def first_look(correct):
    return triage(np.arange(4.0), np.array(correct), MEMBERS)


def test_accuracy_of_shadow_models_is_taken_over_their_own_members():
    masks = np.array([[True, True, False, False], [False, True, True, False]])
    right = np.array([[True, False, True, True], [True, True, True, False]])
    shadows = [ModelSignals({}, {}, row, np.zeros(0, dtype=bool)) for row in right]
    fit = measure_shadow_fit(shadows, masks)
    assert fit == ShadowFit(2, BothSides(0.75, 0.75))


def test_a_network_at_chance_on_its_members_is_warned_of(capsys):
    (sentence,) = warn_if_network_near_chance(first_look([True, False, True, True]), 2)
    assert sentence.startswith(
        "the network classifies only 50% of its members correctly, where guessing gives 50%"
    )
    assert capsys.readouterr().err == f"imprint: {sentence}\n"
    assert warn_if_network_near_chance(first_look([True, True, False, False]), 2) == []


def test_a_cohort_at_chance_on_its_members_is_warned_of():
    (sentence,) = warn_if_models_near_chance(0.3, 4)
    assert "train them longer (--train.epochs)" in sentence
    assert warn_if_models_near_chance(0.4, 4) == []


def test_shadow_models_that_fit_otherwise_are_warned_of():
    findings = MembershipFindings(
        attacks={},
        skipped={},
        triage=first_look([True, True, False, False]),
        shadows=ShadowFit(2, BothSides(0.9, 0.5)),
    )
    (sentence,) = warn_if_shadows_fit_differently(findings)
    assert sentence.startswith(
        "shadow models classify 90% of their members correctly, the network 100%"
    )
    assert "train them longer" in sentence
    alone = MembershipFindings(attacks={}, skipped={})
    assert warn_if_shadows_fit_differently(alone) == []
