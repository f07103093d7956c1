import pytest
import torch

from imprint.nets.fill import build_model
from imprint.train.objective import build_objective
from tests.train.objectives.embeddings import CARD


@pytest.mark.parametrize("name", ["byol", "dino"])
def test_a_teacher_ends_where_it_is_and_takes_no_gradients(name):
    torch.manual_seed(0)
    model = build_model(CARD)
    objective = build_objective(name, model, {})
    assert not any(parameter.requires_grad for parameter in objective.teacher.parameters())
    inputs = [torch.rand(6, 3, 8, 8) for _ in range(objective.view_count)]
    objective(model, inputs, torch.zeros(6, dtype=torch.int64))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    before = [parameter.clone() for parameter in objective.teacher.parameters()]
    objective.after_step(model, 1.0)
    assert all(map(torch.equal, before, objective.teacher.parameters()))
