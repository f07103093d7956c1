import math

import pytest
import torch
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model
from imprint.train.objective import build_objective
from imprint.train.objectives.byol import byol_loss
from tests.train.objectives.embeddings import CARD, views


def test_byol_equals_its_definition():
    p1, p2 = views(4)
    t1, t2 = views(5)
    total = 0.0
    for row in range(len(p1)):
        for p, t in ((p1[row], t2[row]), (p2[row], t1[row])):
            total += 2 - 2 * float(p @ t) / math.sqrt(float(p @ p) * float(t @ t))
    found = byol_loss(torch.cat([p1, p2]), torch.cat([t2, t1]))
    assert float(found) == pytest.approx(total / len(p1), rel=1e-10)
    # Opposite directions twice, and the same direction twice.
    assert float(byol_loss(p1, -p1)) == pytest.approx(8)
    assert float(byol_loss(p1, 3 * p1)) == pytest.approx(0, abs=1e-12)


def test_byol_predicts_the_teacher_of_the_other_view():
    torch.manual_seed(0)
    model = build_model(CARD)
    objective = build_objective("byol", model, {})
    first, second = torch.rand(2, 6, 3, 8, 8).unbind()
    z1, z2, t1, t2 = objective.embed(model, [first, second])
    p1, p2 = objective.predictor(torch.cat([z1, z2])).chunk(2)
    expected = (4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2, t1)).mean()
    found = objective.loss([z1, z2, t1, t2], torch.zeros(6))
    torch.testing.assert_close(found, expected)
    assert not t1.requires_grad
    shapes = [
        part.weight.shape for part in objective.predictor if isinstance(part, torch.nn.Linear)
    ]
    assert shapes == [(12, 6), (6, 12)]
    with pytest.raises(ImprintError, match="predictor of byol is 12-5: it must end in 6"):
        build_objective("byol", model, {"predictor": "12-5"})
