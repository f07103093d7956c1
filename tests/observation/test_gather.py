"""The model under audit from live objects of several libraries."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn
from torch.utils.data import Subset, TensorDataset

from imprint.core.errors import ImprintError
from imprint.nets.predictor.module import ModulePredictor
from imprint.nets.predictor.predictor import ModelSettings
from imprint.observation.gather import RecordSettings, gather_audit

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
Y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]


def test_estimator_and_records_agree_on_classes() -> None:
    model = LogisticRegression().fit(X[:20], Y[:20])
    audited = gather_audit(model, (X[:20], Y[:20]), (X[20:], Y[20:]))
    assert audited.members.classes == ("no", "yes")
    assert audited.tests is audited.non_members
    assert audited.trainer is not None


def test_regressor_takes_whole_targets_for_values() -> None:
    targets = np.arange(40)
    audited = gather_audit(Ridge().fit(X, targets), (X[:20], targets[:20]), (X[20:], targets[20:]))
    assert (audited.task, audited.predictor.kind) == ("regression", "values")


def test_network_on_data_sets_with_tests() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1))
    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy((Y == "yes").astype(int))
    parts = [TensorDataset(inputs[a:b], targets[a:b]) for a, b in ((0, 20), (20, 30), (30, 40))]
    audited = gather_audit(network, *parts)
    assert audited.predictor.kind == "probabilities"
    assert len(audited.tests) == 10
    assert audited.network is not None


def test_function_of_losses_needs_no_targets() -> None:
    audited = gather_audit(
        lambda inputs, _: inputs[:, 0], X[:20], X[20:], settings=ModelSettings(kind="losses")
    )
    assert audited.predictor.kind == "losses"
    assert audited.trainer is None


def test_columns_by_name_and_another_shape() -> None:
    table = {"inputs": X, "colour": Y, "site": np.arange(40) % 2}
    model = LogisticRegression().fit(X, Y)
    audited = gather_audit(
        model, table, table, records=RecordSettings(target="colour", group="site")
    )
    assert audited.members.groups is not None
    with pytest.raises(ImprintError, match="give records of one shape"):
        gather_audit(model, (X, Y), (X[:, :2], Y))


class NamedPredictor(ModulePredictor):
    """A network that names its classes, as models of transformers do."""

    classes = ("yes", "no")


def test_names_of_a_network_number_texts_and_leave_numbers() -> None:
    model = NamedPredictor(nn.Linear(3, 2), "m")
    texts = gather_audit(model, (X, Y), (X, Y)).members
    assert texts.classes == ("yes", "no")
    numbers = (Y == "no").astype(int)
    assert np.array_equal(np.asarray(texts.targets), numbers)
    kept = gather_audit(model, (X, numbers), (X, numbers)).members
    assert np.array_equal(np.asarray(kept.targets), numbers)


def test_classes_are_a_list_or_an_array() -> None:
    model = nn.Linear(3, 2)
    for classes in (["yes", "no"], np.array(["yes", "no"])):
        settings = RecordSettings(classes=classes)
        audited = gather_audit(model, (X, Y), (X, Y), records=settings)
        assert audited.members.classes == ("yes", "no")
    for wrong in (5, "ab", iter("ab")):
        with pytest.raises(ImprintError, match="classes must be a list"):
            gather_audit(model, (X, Y), (X, Y), records=RecordSettings(classes=wrong))  # type: ignore[arg-type]


def test_an_unknown_kind_of_outputs_is_refused() -> None:
    for kind in ("magic", []):
        with pytest.raises(ImprintError, match="must be logits, probabilities"):
            ModelSettings(kind=kind)  # type: ignore[arg-type]


def test_records_of_an_object_that_fails_are_one_sentence() -> None:
    tensors = TensorDataset(torch.zeros(4, 3), torch.zeros(4).long())
    mapping = {"x": X, "y": np.arange(40) % 2, "classes": 5}
    for broken in (Subset(tensors, [0, 99]), TensorDataset(), mapping):
        with pytest.raises(ImprintError, match="cannot read members"):
            gather_audit(nn.Linear(3, 2), broken, tensors)
