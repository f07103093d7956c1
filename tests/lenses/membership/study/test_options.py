from pathlib import Path

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attacks.rmia import RmiaOptions
from imprint.lenses.membership.study.options import (
    AttacksChoice,
    EvidenceChoice,
    MembershipOptions,
    PoolChoice,
)


def test_settings_of_attacks_are_made_of_param():
    choice = AttacksChoice(param=((("rmia.gamma", "3"), ("rmia.offline", "true")),))
    assert choice.attack_settings == {"rmia": RmiaOptions(gamma=3.0, offline=True)}
    assert AttacksChoice().attack_settings == {}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (("rmia.alpha", "3"), "has no option 'alpha'; it has: rmia.gamma, rmia.offline"),
        (("lyra.gamma", "3"), "unknown attack 'lyra'"),
        (("rmia.gamma", "-1"), "--param rmia.gamma must be above 0, got -1"),
    ],
)
def test_settings_that_no_attack_has_are_errors(setting, message):
    with pytest.raises(ImprintError, match=message):
        _ = AttacksChoice(param=((setting,),)).attack_settings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EvidenceChoice(curvature_probes=0), "curvature_probes must be at least 1"),
        (lambda: EvidenceChoice(centre_fraction=1.5), r"centre_fraction must be in \(0, 1\]"),
        (lambda: PoolChoice(population=1.0), r"population must be in \[0, 1\)"),
        (lambda: PoolChoice(records=-1), "records must be at least 0"),
    ],
)
def test_options_out_of_range_are_errors(make, message):
    with pytest.raises(ImprintError, match=message):
        make()


def test_images_and_shadows_are_known_by_their_content_and_do_not_count():
    from imprint.lenses.membership.study.audit import AttackNetwork
    from imprint.study.step import card_of

    paths = {"members": Path("a"), "non_members": Path("b"), "out": Path("c")}
    first, other = (
        card_of(AttackNetwork(MembershipOptions(**paths, **changes), {}, None, None, {}, ()))
        for changes in ({}, {"records": 10, "layout": "cifar", "triage": True})
    )
    assert first == other
    changed = MembershipOptions(**paths, controls=False)
    assert card_of(AttackNetwork(changed, {}, None, None, {}, ())) != first
