"""Classifiers of any records as attributions see them: logits, baseline, labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.data.records.records import ArrayRows, Records
from imprint.nets.predictor.module import ModulePredictor
from imprint.probe.attribution.explained import class_logits, explain, why_not_explained
from imprint.probe.attribution.importance import attributable_layers, attribute
from imprint.probe.attribution.voting import cast_ballots


class Mapped(nn.Module):
    """A network that returns a mapping, as those of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.last = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return logits in a mapping."""
        return {"logits": self.last(self.first(inputs).relu())}


class Tokens(nn.Module):
    """A classifier of token ids."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 3)
        self.inner = Mapped()

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits ``[b, 2]``."""
        logits: Tensor = self.inner(self.embedding(ids).mean(1))["logits"]
        return logits


def predictor(network: nn.Module) -> ModulePredictor:
    """Return a network in evaluation mode."""
    torch.manual_seed(0)
    for weights in network.parameters():
        nn.init.normal_(weights)
    return ModulePredictor(network.eval(), "network")


def rows(inputs: NDArray[Any]) -> Records:
    """Return records of two classes in turn."""
    return Records(ArrayRows(inputs), np.arange(len(inputs)) % 2, classes=("a", "b"))


def vectors(count: int = 8) -> Records:
    """Return vectors of three numbers."""
    return rows(np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32))


def test_gradient_times_activation_of_a_mapping_is_that_by_hand() -> None:
    network = predictor(Mapped())
    records = vectors()
    table = attribute(network, records, "lgxa")
    module: Any = network.module
    hidden = module.first(torch.from_numpy(records.inputs.read(np.arange(8))))
    slope = module.last.weight[np.arange(8) % 2] * (hidden > 0)
    assert table.of()[:4] == pytest.approx((hidden * slope).mean(0).detach().numpy(), rel=1e-5)
    assert table.layers.names == ("first", "last")
    assert attributable_layers(network, records) == ("first", "last")


def test_deep_lift_of_vectors_starts_from_their_mean() -> None:
    records = vectors()
    baseline = explain(predictor(Mapped()), records).baseline
    assert baseline is not None
    mean = records.inputs.read(np.arange(8)).mean(0)
    assert baseline[0].numpy() == pytest.approx(mean, abs=1e-6)
    gaps = attribute(predictor(Mapped()), records, "ldl").facts["completeness_gap"]
    assert isinstance(gaps, float)
    assert gaps < 1e-4


def test_token_ids_are_attributed_by_methods_without_baseline() -> None:
    network = predictor(Tokens())
    records = rows(np.random.default_rng(0).integers(0, 9, (8, 5)))
    assert explain(network, records).baseline is None
    assert attribute(network, records, "lrp").layers.names == ("inner.first", "inner.last")
    for method in ("ldl", "lc", "lgs", "ii"):
        with pytest.raises(ImprintError, match="have no baseline"):
            attribute(network, records, method)


def test_ballots_are_cast_on_records() -> None:
    ballots = list(cast_ballots(predictor(Mapped()), vectors(12), ("la", "lrp"), 2, batch_size=4))
    assert len(ballots) == 3
    assert ballots[0].scores.shape == (2, 6)


def test_probabilities_are_explained_by_their_logarithms() -> None:
    probabilities = torch.tensor([[0.25, 0.75]])
    assert class_logits(probabilities, "probabilities").exp() == pytest.approx(probabilities)
    one = class_logits(torch.tensor([[0.75]]), "probabilities")
    assert one.softmax(1)[0].tolist() == pytest.approx([0.25, 0.75])


def test_records_without_a_class_each_are_not_explained() -> None:
    values = Records(ArrayRows(np.zeros((4, 3), np.float32)), np.zeros(4), "regression")
    assert "no class" in str(why_not_explained(predictor(Mapped()), values))
    with pytest.raises(ImprintError, match="no class"):
        explain(predictor(Mapped()), values)


def test_labels_beyond_the_outputs_are_refused() -> None:
    records = Records(ArrayRows(np.zeros((4, 3), np.float32)), np.array([0, 1, 2, 0]))
    with pytest.raises(ImprintError, match="2 classes"):
        explain(predictor(Mapped()), records)
