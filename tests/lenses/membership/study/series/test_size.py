import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.study.model_signals import ModelSignals
from imprint.lenses.membership.study.series.size import (
    attack_ordered,
    choose_set_sizes,
    evaluate_difficulty,
    repeat,
)
from imprint.stats.roc import auc

SIZE = 200


def answers(phi):
    nobody = {"phi": np.zeros((1, 0))}
    return ModelSignals({"phi": phi[None]}, nobody, phi > 0, np.zeros(0, dtype=bool))


def cohort_of_difficulty(seed, models, gap=0.0):
    """Models whose φ is how easy a record is, falling with its number, and noise."""
    random = np.random.default_rng(seed)
    easy = np.linspace(6, -6, 2 * SIZE)
    masks = random.random((models, 2 * SIZE)) < 0.5
    phi = easy + random.normal(size=(models, 2 * SIZE)) + gap * masks
    return phi, masks


def test_an_order_of_difficulty_is_told_without_any_training_and_coins_are_not():
    """The fault to keep out: a loss threshold finds the first of an order, trained on or not."""
    first = np.arange(2 * SIZE) < SIZE
    phi, masks = cohort_of_difficulty(0, models=12)
    attacks = choose_attacks(("loss", "lira_shrunk", "base"))
    models = [answers(row) for row in phi]
    point = attack_ordered(SIZE, models[:4], models[4:], masks[4:], first, attacks, {}, 0)
    assert point.attacks["loss"].auc.value > 0.97
    assert point.difficulty.auc.value > 0.97
    areas = [auc(row[inside], row[~inside]).value for row, inside in zip(phi, masks, strict=True)]
    # Twelve AUCs of about 200 against 200, each with a deviation of 0.029: their mean 0.0083.
    assert abs(np.mean(areas) - 0.5) < 0.034


def test_difficulty_alone_has_no_membership_in_it():
    """However much training adds, models that never saw a record say the same of it."""
    first = np.arange(2 * SIZE) < SIZE
    found = []
    for gap in (0.0, 50.0):
        phi, masks = cohort_of_difficulty(1, models=8, gap=gap)
        cohort = Cohort({"phi": phi[:, None]}, masks)
        found.append(evaluate_difficulty(cohort, first, 0).auc.value)
    assert found[0] == found[1] > 0.97


def test_models_of_an_order_share_their_members():
    first = np.array([True, False, True, False])
    assert (repeat(first, 3).members == first).all()


def test_sizes_leave_as_many_records_outside():
    assert choose_set_sizes(800, ()) == [100, 200, 400]
    assert choose_set_sizes(80, (30, 20, 30)) == [20, 30]
    with pytest.raises(ImprintError, match="too few"):
        choose_set_sizes(10, ())
