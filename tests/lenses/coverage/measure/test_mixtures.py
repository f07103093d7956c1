from __future__ import annotations

import numpy as np
import pytest

from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.experiments.adversarial_findings import AttackFindings
from imprint.lenses.coverage.measure.growth import ready_criteria
from imprint.lenses.coverage.measure.mixture_changes import adjusted, change_range, changes_of
from imprint.lenses.coverage.measure.mixtures import (
    AttackedTable,
    MeasuredSets,
    Mixtures,
    measure_mixtures,
)
from imprint.neurons.activations import ActivationTable, Layers
from imprint.stats.proportion import proportion

LAYER = Layers(("only",), (40,))


def one_neuron_each(count: int, first: int) -> ActivationTable:
    """Inputs of which each activates one neuron that no other does."""
    values = np.zeros((count, 40), dtype=np.float32)
    values[np.arange(count), first + np.arange(count)] = 1
    return ActivationTable(LAYER, values)


@pytest.fixture
def mixtures() -> Mixtures:
    """20 tests of neurons 0 … 19; adversarial inputs of the first ten light neurons 20 … 29."""
    tests = one_neuron_each(20, 0)
    criteria, _ = ready_criteria({"nc": _options()}, None, tests)
    attacked = AttackedTable(one_neuron_each(10, 20), np.arange(10))
    found = measure_mixtures(criteria, tests, np.arange(20), attacked, 10, (0.1, 0.3), 4, 0)
    assert not isinstance(found, Missing)
    return found["nc"]


def _options() -> object:
    return CRITERIA.get("nc").Options(threshold=0.5)


def test_replaced_inputs_leave_the_size_and_added_ones_raise_it(mixtures: Mixtures) -> None:
    """Every input lights a neuron of its own, so the value counts inputs, clean or adversarial."""
    marks = np.round(mixtures.changes * 40, 6)
    assert mixtures.alone == pytest.approx(10 / 40)
    assert (marks[:, :, 0] == 0).all()
    assert (marks[:, 0, 1] == 1).all()
    assert (marks[:, 1, 1] == 3).all()


def test_too_few_fooling_inputs_are_told() -> None:
    tests = one_neuron_each(20, 0)
    criteria, _ = ready_criteria({"nc": _options()}, None, tests)
    attacked = AttackedTable(one_neuron_each(2, 20), np.arange(2))
    found = measure_mixtures(criteria, tests, np.arange(20), attacked, 10, (0.3,), 2, 0)
    assert isinstance(found, Missing)
    assert "2 adversarial inputs" in found.missing


def test_changes_are_signed_relative_and_normalised_by_their_range() -> None:
    mixed = np.zeros((4, 1, 2, 2))
    mixed[..., 0, 0], mixed[..., 0, 1] = 1.0, 2.0
    mixed[..., 1, 0], mixed[..., 1, 1] = 4.0, 3.0
    sets = [MeasuredSets("fgsm", 10, {"nc": Mixtures(np.full(4, 2.0), mixed)})]
    assert change_range(sets, "nc") == pytest.approx(3)
    replaced, added = changes_of(sets, (0.2,), {}, 0)["fgsm"]["nc"]
    assert (replaced.way, replaced.inputs, added.way) == ("replace", 2, "add")
    assert replaced.change.value == pytest.approx(-1)
    assert replaced.relative == pytest.approx(-0.5)
    assert replaced.ncov == pytest.approx(-1 / 3)
    assert replaced.excess.value == pytest.approx(-1)
    assert added.excess.value == pytest.approx(1)
    assert added.p == pytest.approx(2 / 16)
    settled = adjusted({"fgsm": AttackFindings(9, proportion(3, 9), {"nc": (replaced, added)})})
    assert settled["fgsm"].changes["nc"][1].adjusted == pytest.approx(4 / 16)
    assert adjusted({"fgsm": AttackFindings(9, proportion(0, 9), {}, "why")})["fgsm"].changes == {}


def test_values_of_mixed_sets_are_unions_of_what_each_input_covers() -> None:
    """Neurons beyond ½ as sets, input by input; the draws are those of the seed."""
    random = np.random.default_rng(5)
    clean, changed = random.random((2, 25, 40)).astype(np.float32) ** 5
    tests, rows = ActivationTable(LAYER, clean), np.arange(0, 25, 2)
    options = CRITERIA.get("nc").Options(threshold=0.5, scale="none")
    criteria, _ = ready_criteria({"nc": options}, None, tests)
    attacked = AttackedTable(ActivationTable(LAYER, changed[rows]), rows)
    found = measure_mixtures(criteria, tests, np.arange(25), attacked, 12, (0.1, 0.3), 3, 7)
    assert not isinstance(found, Missing)
    of_clean, of_changed = (
        [{unit for unit in range(40) if row[unit] > 0.5} for row in table]
        for table in (clean, changed)
    )
    for draw in range(3):
        drawn = generator(7, "mixtures", 12, draw)
        fresh = rows[drawn.permutation(13)[:4]].tolist()
        others = drawn.permutation([row for row in range(25) if row not in fresh])[:12].tolist()
        alone = set().union(*(of_clean[row] for row in others))
        assert found["nc"].alone[draw] == pytest.approx(len(alone) / 40)
        for place, count in enumerate((1, 4)):
            kept = set().union(*(of_clean[row] for row in others[count:]))
            for kind, own in enumerate((of_changed, of_clean)):
                more = set().union(*(own[row] for row in fresh[:count]))
                values = found["nc"].mixed[draw, place, :, kind] * 40
                assert values == pytest.approx([len(kept | more), len(alone | more)])
