"""What a model returns, told from a first batch."""

import numpy as np
import pytest
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.predictor.predictor import ModelSettings, as_predictor
from imprint.nets.predictor.settle_kind import kind_of, require_targets, settle_kind

X = np.eye(3, dtype=np.float32)


def test_softmax_is_told_from_logits(capsys: pytest.CaptureFixture[str]) -> None:
    softmax = as_predictor(nn.Sequential(nn.Linear(3, 4), nn.Softmax(dim=1)))
    assert settle_kind(softmax, X, None, "classification").kind == "probabilities"
    assert "taken for probabilities" in capsys.readouterr().err
    assert settle_kind(as_predictor(nn.Linear(3, 4)), X, None, "classification").kind == "logits"


def test_what_the_user_says_is_not_asked() -> None:
    softmax = nn.Sequential(nn.Linear(3, 4), nn.Softmax(dim=1))
    predictor = as_predictor(softmax, ModelSettings(kind="logits"))
    assert settle_kind(predictor, X, None, "classification") is predictor


def test_regression_gives_values_and_labels_need_not_sum_to_one() -> None:
    half = np.full((2, 3), 0.5)
    assert kind_of(half, "regression") == "values"
    assert kind_of(half, "multi_label") == "probabilities"
    assert kind_of(half, "classification") == "logits"
    assert kind_of(half[:, :1], "classification") == "probabilities"
    assert kind_of(half * np.nan, "classification") == "logits"


def test_records_without_targets_need_losses() -> None:
    with pytest.raises(ImprintError, match="members have no targets"):
        require_targets(as_predictor(nn.Linear(3, 4)), None, "members")
    require_targets(as_predictor(lambda x, y: x[:, 0], ModelSettings(kind="losses")), None, "x")
