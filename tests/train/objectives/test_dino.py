import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.data.augmentation import FIRST_VIEW, SECOND_VIEW
from imprint.nets.fill import build_model
from imprint.train.objective import build_objective
from imprint.train.objectives.dino import dino_loss
from tests.train.objectives.embeddings import CARD, views


def test_dino_equals_its_definition():
    student = views(6, rows=4, width=3).unbind() + views(7, rows=4, width=3).unbind()[:1]
    teacher = views(8, rows=4, width=3).unbind()

    def softmax(row, temperature):
        powers = [math.exp(float(value) / temperature) for value in row]
        return [power / sum(powers) for power in powers]

    losses = []
    for i, j in ((0, 1), (0, 2), (1, 0), (1, 2)):
        for row in range(4):
            aim, said = softmax(teacher[i][row], 0.5), softmax(student[j][row], 0.8)
            losses.append(-sum(p * math.log(q) for p, q in zip(aim, said, strict=True)))
    found = dino_loss(student, teacher, 0.8, 0.5)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-10)


def test_dino_centres_by_what_the_teacher_said_before():
    torch.manual_seed(0)
    model = build_model(CARD)
    settings = {"small_crops": "1", "centre_momentum": "0.75", "prototypes": "0"}
    objective = build_objective("dino", model, settings)
    inputs = [torch.rand(6, 3, 8, 8) for _ in range(3)]
    before = [parameter.clone() for parameter in objective.teacher.parameters()]
    embeddings = objective.embed(model, inputs)
    assert [len(part) for part in embeddings] == [6] * 5
    objective.loss(embeddings, torch.zeros(6))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    objective.after_step(model, 0.5)
    # A quarter of the mean over both large views, since the centre starts at 0.
    said = torch.cat(list(embeddings[-2:])).mean(dim=0)
    torch.testing.assert_close(objective.centre, 0.25 * said)
    # Half-way the momentum is 0.998, so the teacher takes 0.002 of the step of 1.
    for old, new in zip(before, objective.teacher.parameters(), strict=True):
        torch.testing.assert_close(new - old, torch.full_like(old, 0.002), atol=1e-6, rtol=1e-3)


def test_the_teacher_of_dino_sees_large_views_alone():
    model = build_model(replace(CARD, architecture="patch_convnet", input_size=32, options={}))
    objective = build_objective("dino", model, {"small_crops": "3"})
    assert objective.view_count == 5
    assert objective.view_sizes(32) == (32, 32, 16, 16, 16)
    assert objective.view_sizes(224) == (224, 224, 96, 96, 96)
    small = objective.augmentations(FIRST_VIEW, SECOND_VIEW)[2:]
    assert small == (replace(FIRST_VIEW, scale=(0.05, 0.4)),) * 3
    seen = []
    taught = objective.teacher.embed
    objective.teacher.embed = lambda images, layer: (
        seen.append(images.shape),
        taught(images, layer),
    )[1]
    objective.embed(model, [torch.rand(4, 3, size, size) for size in objective.view_sizes(32)])
    assert seen == [(8, 3, 32, 32)]


def test_dino_without_small_crops_compares_the_two_large_views():
    torch.manual_seed(0)
    model = build_model(CARD)
    objective = build_objective("dino", model, {"small_crops": "0", "prototypes": "5"})
    objective.before_step(1.0)
    assert objective.temperature == 0.07
    s1, s2, t1, t2 = objective.embed(model, [torch.rand(6, 3, 8, 8) for _ in range(2)])

    def cosines(rows, weight):
        return F.normalize(rows, dim=1) @ F.normalize(weight, dim=1).T

    heads = objective.prototypes.weight, objective.teacher_prototypes.weight
    assert torch.equal(*heads)
    expected = (
        F.cross_entropy(cosines(s2, heads[0]) / 0.1, (cosines(t1, heads[1]) / 0.07).softmax(1))
        + F.cross_entropy(cosines(s1, heads[0]) / 0.1, (cosines(t2, heads[1]) / 0.07).softmax(1))
    ) / 2
    torch.testing.assert_close(objective.loss([s1, s2, t1, t2], torch.zeros(6)), expected)


def test_small_crops_need_a_network_that_takes_them():
    with pytest.raises(ImprintError, match="takes images of 16 × 16 pixels alone, not small crops"):
        build_objective("dino", build_model(replace(CARD, input_size=16)), {})
