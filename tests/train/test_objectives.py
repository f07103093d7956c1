import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from imprint.errors import ImprintError
from imprint.nets.load import build_subject
from imprint.nets.subject import SubjectCard
from imprint.train.objective import OBJECTIVES, build_objective, embed_views
from imprint.train.objectives.simclr import nt_xent
from imprint.train.objectives.vicreg import VICRegOptions, vicreg_loss

CARD = SubjectCard("mlp", 3, 4, 8, (0.5,), (0.25,), options={"widths": "16"}, projector="12-6")


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


def test_supervised_equals_cross_entropy_of_the_first_view():
    torch.manual_seed(0)
    subject = build_subject(CARD).eval()
    inputs, labels = torch.rand(5, 3, 8, 8), torch.tensor([0, 1, 2, 3, 0])
    objective = build_objective("supervised", subject, {"label_smoothing": "0.1"})
    loss, logits = objective(subject, [inputs], labels)
    assert torch.equal(logits, subject(inputs))
    expected = F.cross_entropy(subject(inputs), labels, label_smoothing=0.1)
    assert loss.item() == pytest.approx(expected.item())


@pytest.mark.parametrize(("projector", "layer"), [("12-6", "projector"), ("", "backbone")])
def test_views_are_embedded_by_the_last_layer_before_the_classifier(projector, layer):
    subject = build_subject(replace(CARD, projector=projector)).eval()
    pair = torch.rand(2, 5, 3, 8, 8).unbind()
    for inputs, found in zip(pair, embed_views(subject, pair), strict=True):
        torch.testing.assert_close(found, subject.embed(inputs, layer))


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_every_objective_learns_from_a_batch(name):
    torch.manual_seed(0)
    subject = build_subject(CARD)
    objective = build_objective(name, subject, {})
    inputs = [torch.rand(16, 3, 8, 8) for _ in range(objective.view_count)]
    labels = torch.arange(16) % 4
    optimizer = torch.optim.SGD([*subject.parameters(), *objective.parameters()], lr=0.02)
    losses = []
    for _ in range(20):
        loss, _ = objective(subject, inputs, labels)
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
    objective = build_objective(name, build_subject(CARD), {})
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
    subject = build_subject(CARD)
    with pytest.raises(ImprintError, match="unknown objective 'vicregg': choose one of"):
        build_objective("vicregg", subject, {})
    with pytest.raises(ImprintError, match="'simclr' has no option 'tau'; it has: temperature"):
        build_objective("simclr", subject, {"tau": "1"})
    with pytest.raises(ImprintError, match="'temperature' of objective 'simclr' must be float"):
        build_objective("simclr", subject, {"temperature": "warm"})


@pytest.mark.parametrize(
    ("name", "option", "values"),
    [
        ("simclr", "temperature", ("0", "-1", "nan", "inf")),
        ("supervised", "label_smoothing", ("-0.1", "1", "nan")),
        ("vicreg", "invariance", ("-1", "nan")),
        ("vicreg", "variance", ("-1", "inf")),
        ("vicreg", "covariance", ("-1", "nan")),
    ],
)
def test_impossible_values_are_named(name, option, values):
    for value in values:
        with pytest.raises(ImprintError, match=f"{option} of {name} is {float(value)}: it must"):
            build_objective(name, build_subject(CARD), {option: value})
