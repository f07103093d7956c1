from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.fuzzing.guide import CONTROLS, ByGain, ByMarks, guide_by
from imprint.neurons.activations import ActivationTable, Batch, Layers

LAYERS = Layers(("a", "b"), (5, 4))
RANDOM = np.random.default_rng(0)


def values(count: int) -> np.ndarray:
    return RANDOM.normal(size=(count, 9)).astype(np.float32)


def fitted(name: str) -> Criterion:
    criterion = CRITERIA.get(name)(LAYERS)
    if criterion.reads_training:
        criterion.fit(ActivationTable(LAYERS, values(60)))
    return criterion


def batch_of(rows: np.ndarray) -> Batch:
    return Batch(LAYERS, torch.from_numpy(rows))


@pytest.mark.parametrize("name", ["kmnc", "nbc", "tknc", "tknp", "nc", "cc", "nlc"])
def test_inputs_are_accepted_as_if_judged_one_by_one(name: str) -> None:
    criterion, inputs = fitted(name), values(40)
    guide, state = guide_by(criterion), criterion.fresh()
    guide.see(batch_of(inputs[:8]))
    state.update(batch_of(inputs[:8]))
    one_by_one = []
    for row in range(8, 40):
        single = batch_of(inputs[row : row + 1])
        adds = bool(state.gain(single)[0] > 0)
        if adds:
            state.update(single)
        one_by_one.append(adds)
    accepted = np.concatenate(
        [guide.accept(batch_of(part)) for part in (inputs[8:20], inputs[20:])]
    )
    assert accepted.tolist() == one_by_one
    assert guide.value() == pytest.approx(state.value())


@pytest.mark.parametrize("name", ["kmnc", "tknp", "nc", "cc"])
def test_a_restored_guide_goes_on(name: str) -> None:
    criterion, inputs = fitted(name), values(30)
    guide, other = guide_by(criterion), guide_by(criterion)
    guide.see(batch_of(inputs[:10]))
    other.see(batch_of(inputs[20:]))
    other.restore({key: tensor.clone() for key, tensor in guide.state().items()})
    assert other.value() == pytest.approx(guide.value())
    later = batch_of(inputs[10:20])
    assert guide.accept(later).tolist() == other.accept(later).tolist()


def test_the_kind_of_guide_follows_the_criterion() -> None:
    assert isinstance(guide_by(fitted("kmnc")), ByMarks)
    assert isinstance(guide_by(fitted("nc")), ByGain)
    assert CONTROLS["random"]().accept(batch_of(values(3))).all()
    assert not CONTROLS["none"]().accept(batch_of(values(3))).any()
