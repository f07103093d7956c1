from dataclasses import replace

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model
from imprint.train.objective import OBJECTIVES, build_objective, embed_views
from tests.train.objectives.embeddings import CARD


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
        with pytest.raises(ImprintError, match=f"'{option}' of objective '{name}' must be "):
            build_objective(name, build_model(CARD), {option: value})
