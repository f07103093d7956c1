import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.nets.fill import build_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.zoo.patch_convnet import PatchConvNet
from imprint.train.loop import train
from imprint.train.objective import OBJECTIVES, build_objective
from imprint.train.online_probes import OnlineProbes
from imprint.train.options import TrainOptions
from imprint.train.probe_options import OnlineProbeOptions

CPU = torch.device("cpu")
CARD = ModelCard("mlp", 3, 4, 8, (0.5,), (0.25,), options={"widths": "16"}, projector="12-6")
OPTIONS = TrainOptions(
    architecture_options=(("width", "4"), ("depth", "1")),
    projector="8-4",
    epochs=3,
    warmup_epochs=0,
    batch_size=20,
    snapshot_every=0,
)


@pytest.fixture(scope="module")
def images():
    return composite(60)


@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_the_network_does_not_notice(images, tmp_path, monkeypatch, objective):
    passes = []
    features = PatchConvNet.features

    def counted(self, inputs):
        passes.append(self.training)
        return features(self, inputs)

    monkeypatch.setattr(PatchConvNet, "features", counted)
    counts = {}
    for on in (False, True):
        passes.clear()
        options = replace(OPTIONS, objective=objective, online_probes=OnlineProbeOptions(on=on))
        train(
            images, np.arange(40), options, tmp_path / str(on), 0, CPU, held_out=np.arange(40, 60)
        )
        counts[on] = (passes.count(True), passes.count(False))
    without, along = (
        (tmp_path / str(on) / "final.safetensors").read_bytes() for on in (False, True)
    )
    # Not a pass more in training, so batch statistics, which are among the weights, agree too.
    assert without == along
    assert counts[True] == (counts[False][0], 3)
    assert counts[False][1] == 0


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_the_watched_depths_are_those_of_the_first_view(name):
    torch.manual_seed(0)
    model = build_model(CARD).eval()
    objective = build_objective(name, model, {})
    inputs = [torch.rand(5, 3, 8, 8) for _ in range(objective.view_count)]
    with model.watched() as depths:
        objective.embed(model, inputs)
    assert {depth: values.shape[1] for depth, values in depths.items()} == model.depths
    assert list(depths) == ["backbone", "projector_1", "projector_2"]
    assert not any(values.requires_grad for values in depths.values())
    backbone = model.embed(inputs[0], "backbone")
    expected = {
        "backbone": backbone,
        "projector_1": model.projector[:3](backbone),
        "projector_2": model.projector(backbone),
    }
    for depth, values in expected.items():
        torch.testing.assert_close(depths[depth][:5], values.detach())
    with model.watched() as depths:
        pass
    objective.embed(model, inputs)
    assert depths == {}


@pytest.mark.parametrize("layer", ["backbone", "logits"])
def test_a_network_without_a_projector_has_one_depth(layer):
    model = build_model(replace(CARD, projector="")).eval()
    inputs = torch.rand(5, 3, 8, 8)
    with model.watched() as depths:
        found = model.embed(inputs, layer)
    torch.testing.assert_close(found, model.embed(inputs, layer))
    torch.testing.assert_close(depths, {"backbone": model.embed(inputs, "backbone").detach()})


def test_a_probe_learns_as_one_trained_by_itself():
    options = OnlineProbeOptions(learning_rate=0.01, weight_decay=0.1)
    probes = OnlineProbes({"backbone": 5, "projector_1": 3}, 4, options, seed=0)
    alone = nn.Linear(3, 4)
    alone.load_state_dict(probes.layers["projector_1"].state_dict())
    optimizer = torch.optim.AdamW(alone.parameters(), lr=0.01, weight_decay=0.1)
    random = torch.Generator().manual_seed(0)
    losses, hits = [], 0
    for _ in range(4):
        depths = {
            "backbone": torch.randn(12, 5, generator=random),
            "projector_1": torch.randn(12, 3, generator=random),
        }
        # Twelve rows are two views of six images.
        labels = torch.randint(4, (6,), generator=random)
        probes.learn(depths, labels)
        logits = alone(depths["projector_1"][:6])
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        hits += int((logits.argmax(1) == labels).sum())
    torch.testing.assert_close(probes.layers["projector_1"].weight, alone.weight)
    reached = probes.reached()["projector_1"]
    # There are four classes: the label is always among the five likeliest.
    assert reached == pytest.approx({"loss": np.mean(losses), "top1": hits / 24, "top5": 1.0})
    assert probes.reached() == {}


def test_held_out_accuracy_is_that_of_centre_squares(images):
    torch.manual_seed(0)
    model = build_model(
        ModelCard("patch_convnet", 3, 10, 16, (0.5,), (0.25,), options={"width": "4"})
    )
    probes = OnlineProbes(model.depths, 10, OnlineProbeOptions(), seed=0)
    indices = np.arange(7, 60, 2)
    found = probes.validate(model, images, indices)
    inputs = torch.from_numpy(images.read(indices, np.tile([0.0, 0, 32, 32], (27, 1)), 16)) / 255
    logits = probes.layers["backbone"](model.eval().embed(inputs, "backbone"))
    best = np.argsort(-logits.detach().numpy(), axis=1) == images.labels[indices][:, None]
    assert found["backbone"] == pytest.approx(
        {"held_out_top1": best[:, 0].sum() / 27, "held_out_top5": best[:, :5].sum() / 27}
    )


def test_the_log_tells_what_each_depth_reached(images, tmp_path):
    options = replace(
        OPTIONS,
        objective="supervised",
        epochs=30,
        online_probes=OnlineProbeOptions(on=True, learning_rate=0.01, validate_every=4),
    )
    train(images, np.arange(40), options, tmp_path, 0, CPU, held_out=np.arange(40, 60))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").open()]
    depths = list(load_model(tmp_path / "final.safetensors").depths)
    assert all(list(line["probes"]) == depths for line in log)
    measured = [line["epoch"] for line in log if "held_out_top1" in line["probes"]["backbone"]]
    assert measured == [4, 8, 12, 16, 20, 24, 28, 30]
    for depth in depths:
        assert log[-1]["probes"][depth]["loss"] < log[0]["probes"][depth]["loss"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"learning_rate": 0}, "learning_rate must be above 0, got 0"),
        ({"weight_decay": -1}, "weight_decay must be at least 0, got -1"),
        ({"validate_every": 0}, "validate_every must be at least 1, got 0"),
    ],
)
def test_impossible_options_are_rejected(setting, message):
    with pytest.raises(ImprintError, match=message):
        OnlineProbeOptions(**setting)
