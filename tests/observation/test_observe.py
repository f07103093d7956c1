import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.data.records.records import ArrayRows, Records
from imprint.nets.predictor.predictor import as_predictor
from imprint.observation.audited_model import AuditedModel
from imprint.observation.observe import ObserveRecords, Wanted, read_observed
from imprint.study.store import Study


class Counted(nn.Module):
    """A network that counts the records it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 5), nn.Linear(5, 2)
        self.seen = 0

    def forward(self, inputs):
        self.seen += len(inputs)
        return self.last(self.first(inputs).relu())


def make(network, count=300):
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 3)).astype(np.float32)
    records = Records(ArrayRows(x), np.arange(count) % 2, classes=("a", "b"))
    half = count // 2
    members, others = records.take(np.arange(half)), records.take(np.arange(half, count))
    return AuditedModel(as_predictor(network), members, others, others)


def observe(tmp_path, model, wanted):
    step = ObserveRecords(model, model.members, wanted, "members")
    return read_observed(Study(tmp_path).run(step), model, model.members)


def test_one_pass_serves_outputs_features_and_activations(tmp_path):
    network = Counted()
    model = make(network)
    seen = observe(tmp_path, model, Wanted(features=True, activations=True))
    assert network.seen == len(model.members)
    x = torch.from_numpy(model.members.inputs.read(np.arange(len(model.members))))
    with torch.no_grad():
        hidden = network.first(x)
        np.testing.assert_allclose(seen.outputs, network.last(hidden.relu()), rtol=1e-5)
        np.testing.assert_allclose(seen.features, hidden.relu(), rtol=1e-5)
    np.testing.assert_allclose(seen.activations.values[:, :5], hidden, rtol=1e-5, atol=1e-6)
    assert seen.activations.layers.names == ("first", "last")


def test_other_weights_in_the_same_folder_are_refused(tmp_path):
    observe(tmp_path, make(Counted()), Wanted())
    with pytest.raises(ImprintError, match="other settings"):
        observe(tmp_path, make(Counted()), Wanted())


def test_a_black_box_has_outputs_alone(tmp_path):
    model = make(lambda x: x[:, :2])
    seen = observe(tmp_path, model, Wanted(features=True))
    assert seen.features is None
    assert seen.predictions().shape == (150,)
    with pytest.raises(ImprintError, match="no PyTorch network"):
        seen.require_features()


def test_two_functions_of_one_name_are_told_apart():
    first, second = (make(lambda x, s=sign: s * x[:, :2]) for sign in (1, -1))
    assert first.fingerprint() != second.fingerprint()


def test_sets_of_other_shapes_are_refused():
    wide = Records(ArrayRows(np.zeros((4, 7), np.float32)), np.zeros(4, np.int64))
    thin = Records(ArrayRows(np.zeros((4, 3), np.float32)), np.zeros(4, np.int64))
    with pytest.raises(ImprintError, match="non-members have inputs"):
        AuditedModel(as_predictor(Counted()), thin, wide, wide)
