import numpy as np
import pytest
import torch

from imprint.data.view import View
from imprint.neurons.importance import hidden, select
from imprint.probe.attribution.ablation import loss_gains
from imprint.probe.attribution.importance import attribute
from imprint.probe.attribution.input_gains import input_gains, write_input_gains
from imprint.probe.attribution.voting import keeping
from imprint.study.tables import read_table
from tests.probe.attribution.lenet_images import images, model, ready, tensor_of


@pytest.mark.parametrize("per_layer", [False, True])
def test_gains_of_single_inputs_are_those_of_batches_of_one(per_layer, tmp_path):
    module, data = model(), images(12)
    names = ("la", "lrp")
    found = input_gains(
        module, View(data, np.arange(12)), names, 3, per_layer=per_layer, batch_size=5
    )
    scopes = ("conv1", "conv2", "fc1", "fc2") if per_layer else ("model",)
    assert found.scopes == scopes
    assert found.gains.shape == (12, len(scopes), 2)
    ablation = ready(module, data)
    for row in (0, 7):
        for method, name in enumerate(names):
            table = attribute(module, View(data, np.array([row])), name)
            for place, scope in enumerate(scopes):
                among = hidden(table.layers) if scope == "model" else (scope,)
                pick = select(table.layers, table.of(), 3, among)
                gains, _ = loss_gains(
                    ablation,
                    tensor_of(data)[row : row + 1],
                    torch.from_numpy(data.labels[row : row + 1]),
                    keeping(table.layers, [pick]),
                )
                assert found.gains[row, place, method] == pytest.approx(float(gains), abs=1e-5)
                assert found.means[row, place, method] == pytest.approx(
                    pick.scores.mean(), rel=1e-4, abs=1e-6
                )
                assert found.variances[row, place, method] == pytest.approx(
                    pick.scores.var(), rel=1e-3, abs=1e-6
                )
    assert found.predictions.tolist() == module(tensor_of(data)).argmax(1).tolist()
    assert found.features.shape == (12, 84)
    path = tmp_path / "inputs.parquet"
    write_input_gains(path, found, found.best)
    columns = read_table(path)
    assert len(columns["index"]) == 12 * len(scopes) * 2
    assert columns["best"].sum() == 12 * len(scopes)
    assert np.array_equal(columns["best"], columns["chosen"])
    assert columns["method"][:2].tolist() == list(names)
    assert columns["loss_gain"][0] == found.gains[0, 0, 0]
