"""Which layers are observed: all that fit, evenly from the last one back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imprint.core.errors import ImprintError
from imprint.data.records.records import ArrayRows, Records
from imprint.lenses.coverage.options import LayerChoice
from imprint.lenses.coverage.study import observed_layers
from imprint.lenses.coverage.study.observed_layers import (
    choose_taps,
    find_layers,
    fitting_layers,
)
from imprint.nets.predictor.predictor import as_predictor
from imprint.observation.audited_model import AuditedModel


def audited(network: nn.Module, records: int = 6) -> AuditedModel:
    """Return a network with records of four numbers."""
    inputs = np.zeros((records, 4), dtype=np.float32)
    members = Records(ArrayRows(inputs), np.zeros(records, dtype=np.int64), classes=("a", "b"))
    return AuditedModel(as_predictor(network), members, members, members)


def network() -> nn.Module:
    """Return four linear layers."""
    return nn.Sequential(*(nn.Linear(4, 4) for _ in range(4)))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(0, 60))
def test_fitting_layers_end_with_the_last_and_fit_unless_it_is_alone(
    widths: list[int], most: int
) -> None:
    chosen = fitting_layers(tuple(widths), most)
    assert chosen[-1] == len(widths) - 1
    assert len(chosen) == 1 or sum(widths[row] for row in chosen) <= most


def test_all_layers_are_observed_where_they_fit() -> None:
    observed = choose_taps(audited(network()), LayerChoice())
    assert observed.layers.names == ("0", "1", "2", "3")
    assert observed.left_out == 0


def test_every_second_layer_is_observed_where_half_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    # 12 records of 8 neurons in float32
    monkeypatch.setattr(observed_layers, "MAX_ACTIVATION_BYTES", 12 * 8 * 4)
    observed = choose_taps(audited(network()), LayerChoice())
    assert observed.layers.names == ("1", "3")
    assert (observed.taps.indices, observed.left_out) == ((1, 3), 2)


def test_bound_counts_among_the_layers_that_the_user_chose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observed_layers, "MAX_ACTIVATION_BYTES", 12 * 4 * 4)
    observed = choose_taps(audited(network()), LayerChoice(layer_index=(0, 2)))
    assert (observed.layers.names, observed.taps.indices) == (("2",), (2,))


def test_network_without_layers_is_refused_in_a_sentence() -> None:
    assert "no linear" in str(find_layers(audited(nn.Flatten()), LayerChoice()))
    with pytest.raises(ImprintError, match="no linear"):
        choose_taps(audited(nn.Flatten()), LayerChoice())
