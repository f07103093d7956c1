import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.data.augmentation import FIRST_VIEW, SECOND_VIEW
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.train.objective import OBJECTIVES, build_objective, embed_views
from imprint.train.objectives.barlow_twins import barlow_twins_loss
from imprint.train.objectives.byol import byol_loss
from imprint.train.objectives.dino import dino_loss
from imprint.train.objectives.simclr import nt_xent
from imprint.train.objectives.vicreg import VICRegOptions, vicreg_loss

CARD = ModelCard("mlp", 3, 4, 8, (0.5,), (0.25,), options={"widths": "16"}, projector="12-6")


def views(seed, rows=7, width=5):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(2, rows, width, generator=random, dtype=torch.float64)


def slow_vicreg(first, second, options):
    rows, width = first.shape
    invariance = sum(
        (first[i, j] - second[i, j]) ** 2 for i in range(rows) for j in range(width)
    ) / (rows * width)
    variance = covariance = 0.0
    for view in (first, second):
        mean = view.mean(0)
        for i in range(width):
            for j in range(width):
                product = sum((view[r, i] - mean[i]) * (view[r, j] - mean[j]) for r in range(rows))
                product = float(product) / (rows - 1)
                if i == j:
                    variance += max(0.0, 1 - math.sqrt(product + 1e-4)) / width / 2
                else:
                    covariance += product**2 / width
    return (
        options.invariance * float(invariance)
        + options.variance * variance
        + options.covariance * covariance
    )


@pytest.mark.parametrize("options", [VICRegOptions(), VICRegOptions(3.0, 0.5, 7.0)])
def test_vicreg_equals_its_definition(options):
    first, second = views(0)
    expected = slow_vicreg(first, second, options)
    assert float(vicreg_loss(first, second, options)) == pytest.approx(expected, rel=1e-12)


def test_vicreg_of_perfect_embeddings_is_zero():
    signs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64) * 2
    assert float(vicreg_loss(signs, signs, VICRegOptions())) == 0.0


def test_simclr_equals_its_definition():
    first, second = views(1)
    everyone = F.normalize(torch.cat([first, second]), dim=1)
    rows = len(first)
    losses = []
    for i in range(2 * rows):
        partner = (i + rows) % (2 * rows)
        scores = [float(everyone[i] @ everyone[j]) / 0.2 for j in range(2 * rows)]
        others = [score for j, score in enumerate(scores) if j != i]
        losses.append(-scores[partner] + math.log(sum(math.exp(score) for score in others)))
    assert float(nt_xent(first, second, 0.2)) == pytest.approx(np.mean(losses), rel=1e-10)


@pytest.mark.parametrize("redundancy", [0.0051, 0.7])
def test_barlow_twins_equals_its_definition(redundancy):
    first, second = views(2)
    rows, width = first.shape
    scaled = []
    for view in (first, second):
        mean = [sum(view[r, i] for r in range(rows)) / rows for i in range(width)]
        variance = [
            sum((view[r, i] - mean[i]) ** 2 for r in range(rows)) / rows for i in range(width)
        ]
        scaled.append(
            [
                [
                    float((view[r, i] - mean[i]) / math.sqrt(variance[i] + 1e-5))
                    for i in range(width)
                ]
                for r in range(rows)
            ]
        )
    expected = 0.0
    for i in range(width):
        for j in range(width):
            c = sum(scaled[0][r][i] * scaled[1][r][j] for r in range(rows)) / rows
            expected += (c - 1) ** 2 if i == j else redundancy * c**2
    found = float(barlow_twins_loss(first, second, redundancy))
    assert found == pytest.approx(expected, rel=1e-10)


def test_barlow_twins_ignores_place_and_scale_of_each_dimension():
    first, second = views(3)
    moved = first * torch.tensor([3.0, 0.5, 10, 1, 2]) + torch.arange(5)
    expected = float(barlow_twins_loss(first, second, 0.1))
    assert float(barlow_twins_loss(moved, second, 0.1)) == pytest.approx(expected, rel=1e-3)


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


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_the_order_of_a_batch_does_not_matter(name):
    torch.manual_seed(0)
    model = build_model(CARD)
    objective = build_objective(name, model, {})
    inputs = [torch.rand(9, 3, 8, 8) for _ in range(objective.view_count)]
    labels = torch.arange(9) % 4
    order = torch.randperm(9)
    loss, embeddings = objective(model, inputs, labels)
    other, shuffled = objective(model, [view[order] for view in inputs], labels[order])
    torch.testing.assert_close(other, loss, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(shuffled, embeddings[order], rtol=1e-4, atol=1e-5)


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


def test_supervised_equals_cross_entropy_of_the_first_view():
    torch.manual_seed(0)
    model = build_model(CARD).eval()
    inputs, labels = torch.rand(5, 3, 8, 8), torch.tensor([0, 1, 2, 3, 0])
    objective = build_objective("supervised", model, {"label_smoothing": "0.1"})
    loss, logits = objective(model, [inputs], labels)
    assert torch.equal(logits, model(inputs))
    expected = F.cross_entropy(model(inputs), labels, label_smoothing=0.1)
    assert loss.item() == pytest.approx(expected.item())


@pytest.mark.parametrize(("projector", "layer"), [("12-6", "projector"), ("", "backbone")])
def test_views_are_embedded_by_the_last_layer_before_the_classifier(projector, layer):
    model = build_model(replace(CARD, projector=projector)).eval()
    pair = torch.rand(2, 5, 3, 8, 8).unbind()
    for inputs, found in zip(pair, embed_views(model, pair), strict=True):
        torch.testing.assert_close(found, model.embed(inputs, layer))


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_every_objective_learns_from_a_batch(name):
    torch.manual_seed(0)
    model = build_model(CARD)
    objective = build_objective(name, model, {})
    inputs = [torch.rand(16, 3, 8, 8) for _ in range(objective.view_count)]
    labels = torch.arange(16) % 4
    optimizer = torch.optim.SGD([*model.parameters(), *objective.parameters()], lr=0.02)
    losses = []
    for _ in range(20):
        loss, _ = objective(model, inputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


class Embeddings(torch.nn.Module):
    """Stands for a network: its embeddings are the inputs, in the precision of autocast."""

    last_embedding = "projector"

    def embed(self, images, layer):
        return images.to(torch.get_autocast_dtype("cpu"))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_autocast_does_not_reach_the_loss(name, precision):
    objective = build_objective(name, build_model(CARD), {})
    # Their products over the batch leave the range of float16.
    random = torch.Generator().manual_seed(0)
    rows = 100 * torch.randn(objective.view_count, 16, 6, generator=random)
    if objective.teacher is not None:
        objective.teacher = Embeddings()
    rows = rows.to(precision).float()
    labels = torch.arange(16) % 4
    with torch.autocast("cpu", precision, enabled=False):
        exact, _ = objective(Embeddings(), list(rows), labels)
    with torch.autocast("cpu", precision):
        loss, embeddings = objective(Embeddings(), list(rows), labels)
    assert embeddings.dtype == loss.dtype == torch.float32
    assert torch.equal(embeddings, rows[0])
    assert torch.equal(loss, exact)


def test_bad_options_are_named():
    model = build_model(CARD)
    with pytest.raises(ImprintError, match="unknown objective 'vicregg': choose one of"):
        build_objective("vicregg", model, {})
    with pytest.raises(ImprintError, match="'simclr' has no option 'tau'; it has: temperature"):
        build_objective("simclr", model, {"tau": "1"})
    with pytest.raises(ImprintError, match="'temperature' of objective 'simclr' must be float"):
        build_objective("simclr", model, {"temperature": "warm"})


@pytest.mark.parametrize(
    ("name", "option", "values"),
    [
        ("simclr", "temperature", ("0", "-1", "nan", "inf")),
        ("supervised", "label_smoothing", ("-0.1", "1", "nan")),
        ("vicreg", "invariance", ("-1", "nan")),
        ("vicreg", "variance", ("-1", "inf")),
        ("vicreg", "covariance", ("-1", "nan")),
        ("barlow_twins", "redundancy", ("-1", "nan", "inf")),
        ("byol", "momentum", ("-0.1", "1.1", "nan")),
        ("dino", "student_temperature", ("0", "nan", "inf")),
        ("dino", "teacher_temperature", ("0", "-1")),
        ("dino", "teacher_warmup", ("-0.5", "2", "nan")),
        ("dino", "centre_momentum", ("-1", "1.5")),
        ("dino", "small_scale_least", ("0", "0.5", "nan")),
        ("dino", "small_scale_most", ("1.5",)),
    ],
)
def test_impossible_values_are_named(name, option, values):
    for value in values:
        with pytest.raises(ImprintError, match=f"{option} of {name} is {float(value)}: it must"):
            build_objective(name, build_model(CARD), {option: value})
