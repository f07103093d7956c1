import pytest

from imprint.audits.options import SMALL_COHORT, AuditOptions
from imprint.core.errors import ImprintError
from imprint.study.config import parse


def read(*words: str) -> AuditOptions:
    return parse(AuditOptions, ["--out", "x", *words], program="imprint audit")


def test_a_small_cohort_is_trained_unless_it_is_left_out() -> None:
    assert read().membership == SMALL_COHORT
    assert read().membership.train.engine == "sequential"
    assert read("--membership.models", "0").membership.models == 0


def test_an_attack_while_training_has_no_negative_rhythm() -> None:
    assert read("--attack-every", "3").attack_every == 3
    with pytest.raises((ImprintError, SystemExit)):
        read("--attack-every", "-1")


def test_no_training_images_are_refused_by_the_name_of_the_option() -> None:
    with pytest.raises(ImprintError, match=r"^--per-class must be at least 1, got 0"):
        read("--per-class", "0")
