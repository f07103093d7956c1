"""Heads score as activation times gradient of what they attend to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.text.text_card import TextCard, build_text_network
from imprint.neurons.activations import Layers
from imprint.neurons.head_importance import head_scores
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS, Question
from imprint.probe.neurons.layer_outputs import LayerOutputs

LAYERS = Layers(("value",), (4,))
TABLE = ImportanceTable(
    LAYERS, np.array([[1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 2.0, 0.0]]), np.array([1, 1]), (1,), "lgxa"
)


def test_units_of_a_head_add_up() -> None:
    assert head_scores(TABLE, "value", 2).tolist() == [[3.0, 7.0], [-1.0, 2.0]]


@pytest.mark.parametrize(("layer", "heads"), [("key", 2), ("value", 3), ("value", 0)])
def test_other_layers_and_counts_are_refused(layer: str, heads: int) -> None:
    with pytest.raises(ImprintError, match=r"no layer|cannot share"):
        head_scores(TABLE, layer, heads)


def test_scores_are_those_of_the_heads_output_with_attention_held_fixed() -> None:
    options = {"width": 8, "depth": 1, "heads": 2}
    network = build_text_network(TextCard("transformer_classifier", 9, 3, 5, options))
    ids, labels = torch.tensor([[2, 3, 4, 5, 6]]), torch.tensor([1])
    kept: list[torch.Tensor] = []
    attention = network.blocks[0].attention

    def keep(module: object, inputs: object, output: torch.Tensor) -> None:
        kept.append(output)
        output.retain_grad()

    handle = attention.heads.register_forward_hook(keep)
    network(ids)[0, 1].backward()
    handle.remove()
    assert kept[0].grad is not None
    wanted = (kept[0] * kept[0].grad).detach().reshape(5, 2, 4).sum((0, 2)).numpy()

    network.requires_grad_(False)
    question = Question(
        LayerOutputs(network), ids, labels, torch.arange(1), None, None, AttributionOptions()
    )
    value = dict(ATTRIBUTORS.get("lgxa").compute(question))["blocks.0.attention.value"]
    scores = value.reshape(1, -1, 8).sum(1).double().numpy()
    table = ImportanceTable(
        Layers(("value",), (8,)), np.tile(scores, (2, 1)), np.array([1, 1]), (5,), "lgxa"
    )
    assert head_scores(table, "value", 2)[0] == pytest.approx(wanted, rel=1e-4, abs=1e-7)
