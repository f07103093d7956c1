import pytest
import torch
from torch.nn import functional as F

from imprint.nets.fill import build_model
from imprint.train.objective import build_objective
from tests.train.objectives.embeddings import CARD


def test_supervised_equals_cross_entropy_of_the_first_view():
    torch.manual_seed(0)
    model = build_model(CARD).eval()
    inputs, labels = torch.rand(5, 3, 8, 8), torch.tensor([0, 1, 2, 3, 0])
    objective = build_objective("supervised", model, {"label_smoothing": "0.1"})
    loss, logits = objective(model, [inputs], labels)
    assert torch.equal(logits, model(inputs))
    expected = F.cross_entropy(model(inputs), labels, label_smoothing=0.1)
    assert loss.item() == pytest.approx(expected.item())
