from dataclasses import replace

import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.probe.influence_kit import record_gradients
from imprint.probe.influence_kit.layer_gradients import Outer, flattened, gradient_dots
from imprint.probe.influence_kit.record_gradients import (
    RecordGradients,
    pair_products,
    trained_parameters,
)
from tests.probe.influence_kit.networks import NAMES, one_at_a_time, problem


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_one_record_at_a_time(name):
    trained = problem(name)
    source = RecordGradients(trained)
    found = source.losses(trained.inputs, trained.labels)
    alone = one_at_a_time(trained, trained.inputs, trained.labels)
    assert flattened(found).shape[1] == alone.shape[1] == source.parameters
    torch.testing.assert_close(gradient_dots(found, found), alone @ alone.T)
    table, own = pair_products(trained, source)
    torch.testing.assert_close(table, alone @ alone[:2].T)
    torch.testing.assert_close(own, alone.square().sum(1))


def test_layers_that_do_not_follow_from_calls_are_differentiated_record_by_record():
    assert RecordGradients(problem("convolutions")).rest == []
    assert RecordGradients(problem("shared")).rest == ["head.weight", "head.bias"]
    second = RecordGradients(problem("second axis"))
    assert second.rest == ["layer.weight", "layer.bias"]


def test_little_memory_gives_the_same_products(monkeypatch):
    trained = problem("convolutions")
    wanted = pair_products(trained, RecordGradients(trained))
    monkeypatch.setattr(record_gradients, "MEMORY", 2000)
    source = RecordGradients(trained)
    assert source.batch() == 1
    torch.testing.assert_close(pair_products(trained, source), wanted)


def test_without_queries_there_are_still_products_with_itself():
    trained = problem("signals")
    none = replace(trained, queries=trained.queries[:0], query_labels=trained.query_labels[:0])
    table, own = pair_products(none, RecordGradients(none))
    assert table.shape == (5, 0)
    assert bool((own > 0).all())


def test_of_many_parameters_the_last_layers_are_looked_at():
    trained = replace(problem("convolutions"), most_parameters=40)
    source = RecordGradients(trained)
    # 6 · 3 + 3 of the last layer and 12 of the normalisation; the convolution before has 36.
    assert source.parameters == 33
    every = one_at_a_time(trained, trained.inputs, trained.labels)[:, -33:]
    found = source.losses(trained.inputs, trained.labels)
    torch.testing.assert_close(gradient_dots(found, found), every @ every.T)


def test_linear_layers_stay_outer_products_and_frozen_ones_are_left_out():
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    network[0].requires_grad_(False)
    assert list(trained_parameters(network)) == ["2.weight", "2.bias"]
    trained = replace(problem("shared"), network=network)
    (gradients,) = RecordGradients(trained).losses(trained.inputs, trained.labels)
    assert isinstance(gradients, Outer)
    with pytest.raises(ImprintError, match="no parameters"):
        trained_parameters(nn.ReLU())
