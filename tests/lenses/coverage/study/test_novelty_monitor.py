"""The monitor: outputs as before, novelty as from the table, and there and back from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.novelty import SeenCells, seen_cells
from imprint.lenses.coverage.study.novelty_monitor import NoveltyMonitor, load_monitor, save_monitor
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.neurons import Taps

NEURONS = np.array([150, 3, 10, 0, 225])
"""Of fc2, conv1 twice, conv2 and fc3, in no order."""


@pytest.fixture
def model() -> ImageModel:
    torch.manual_seed(0)
    return build_model(ModelCard("lenet", 3, 10, 32, (0.5,), (0.25,))).eval()


def images(count: int, seed: int) -> torch.Tensor:
    return torch.rand((count, 3, 32, 32), generator=torch.Generator().manual_seed(seed))


def made(model: ImageModel) -> tuple[ActivationTable, SeenCells]:
    with Taps(model) as taps, torch.no_grad():
        model(images(60, 1))
        values = taps.take().values.numpy()
        table = ActivationTable(taps.layers, values)
    middle = [np.quantile(values[:, neuron], [0.3, 0.6]) for neuron in NEURONS]
    return table, seen_cells(table, NEURONS, middle)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_a_monitor_agrees_with_the_table_and_leaves_outputs_unchanged(
    model: ImageModel, order: torch.memory_format
) -> None:
    _, cells = made(model)
    given = images(40, 2).contiguous(memory_format=order)
    with torch.no_grad():
        before = model(given)
        with Taps(model) as taps:
            model(given)
            expected = cells.of(taps.take().values[:, np.sort(NEURONS)])
        with NoveltyMonitor(model, cells) as monitor:
            outputs, found = monitor(given)
            again, _ = monitor(given[:7])
    torch.testing.assert_close(outputs, before, rtol=0, atol=0)
    torch.testing.assert_close(again, before[:7])
    assert found.codes.tolist() == expected.codes.tolist()
    assert found.novelty.tolist() == expected.novelty.tolist()
    assert 0 < (found.novelty == 1).double().mean() < 1
    assert not any(module._forward_hooks for module in model.modules())


def test_a_monitor_is_the_same_from_a_file(model: ImageModel, tmp_path: Path) -> None:
    _, cells = made(model)
    given = images(20, 3)
    with NoveltyMonitor(model, cells) as monitor:
        _, found = monitor(given)
        save_monitor(tmp_path / "m.safetensors", monitor)
    with load_monitor(tmp_path / "m.safetensors", model) as loaded:
        _, again = loaded(given)
    assert again.novelty.tolist() == found.novelty.tolist()
    with pytest.raises(ImprintError, match=r"no layer|no linear"):
        load_monitor(tmp_path / "m.safetensors", nn.Linear(3, 3)).__enter__()
    (tmp_path / "m.json").unlink()
    with pytest.raises(ImprintError, match="no card"):
        load_monitor(tmp_path / "m.safetensors", model)


def test_gradients_still_flow_through_a_monitored_network(model: ImageModel) -> None:
    _, cells = made(model)
    given = images(2, 4).requires_grad_()
    with NoveltyMonitor(model, cells) as monitor:
        outputs, found = monitor(given)
    outputs.sum().backward()
    assert given.grad is not None
    assert not found.novelty.requires_grad
