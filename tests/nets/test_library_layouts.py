"""Checkpoints laid out as lightly, solo-learn, mmpretrain and SimSiam do, wired here by hand."""

import dataclasses
import json

import pytest
import torch
from torch import Tensor

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.nets.load import load_model, read_card
from imprint.nets.published import recognise
from imprint.study.command import COMMANDS
from imprint.study.options import WeightsChoice
from tests.nets.published_files import (
    FEATURES,
    IMAGENET,
    TRUNK,
    TRUNK_FEATURES,
    apply_linear,
    batch_norm,
    bn_projected,
    bn_projector,
    close,
    embed,
    linear,
    norm,
    resnet50_features,
    under,
)

STATED = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]}
HALF = ",".join(["0.5"] * 3)


def stated_features() -> Tensor:
    with torch.no_grad():
        return resnet50_features(EMBEDDED, TRUNK, STATED["mean"], STATED["std"])


EMBEDDED = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def ended_by_norm(affine: bool) -> dict[str, Tensor]:
    return {**bn_projector(hidden_bias=False), **norm("7", 6, affine)}


def projected_to_norm(features: Tensor, weights: dict[str, Tensor]) -> Tensor:
    ones = {"7.weight": torch.ones(6), "7.bias": torch.zeros(6)}
    return batch_norm(bn_projected(features, weights), {**ones, **weights}, "7")


def as_sequential(trunk: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of ``Sequential(*list(resnet.children())[:-1])``."""
    places = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    return {
        places[name.partition(".")[0]] + "." + name.partition(".")[2]: tensor
        for name, tensor in trunk.items()
    }


def as_neck(projector: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of mmpretrain: fc0, bn0, fc1, bn1 …; its rectifiers have no names."""
    places = {"0": "fc0", "1": "bn0", "3": "fc1", "4": "bn1", "6": "fc2", "7": "bn2"}
    return {
        places[name.partition(".")[0]] + "." + name.partition(".")[2]: tensor
        for name, tensor in projector.items()
    }


LIBRARIES = {
    "lightly": {
        **under("backbone.", TRUNK),
        **under("projection_head.layers.", ended_by_norm(affine=True)),
        **under("prediction_head.layers.", linear("0", 6, 4)),
        **under("backbone_momentum.", TRUNK),
    },
    "mmpretrain": {
        **under("backbone.", TRUNK),
        **under("neck.", as_neck(ended_by_norm(affine=True))),
        **under("head.", linear("predictor.fc0", 6, 4)),
    },
    "solo": {
        **under("backbone.", TRUNK),
        **under("projector.", ended_by_norm(affine=True)),
        **linear("classifier", FEATURES, 10),
        **under("momentum_backbone.", TRUNK),
    },
}


@pytest.mark.parametrize("layout", LIBRARIES)
def test_a_librarys_checkpoint_needs_its_normalisation_and_then_is_its_network(
    tmp_path, layout
) -> None:
    content = {"epoch": 3, "state_dict": LIBRARIES[layout]}
    torch.save(content, tmp_path / "w.ckpt")
    assert recognise(content) == layout
    with pytest.raises(ImprintError, match=rf"has the layout {layout}, which does not say how"):
        load_model(tmp_path / "w.ckpt")
    model = load_model(tmp_path / "w.ckpt", STATED)
    assert close(embed(model), stated_features())
    expected = projected_to_norm(stated_features(), ended_by_norm(affine=True))
    assert close(embed(model, "projector"), expected)
    assert read_card(tmp_path / "w.ckpt", STATED).outputs is None


def test_a_sequential_trunk_of_lightly(tmp_path) -> None:
    weights = {
        **under("backbone.", as_sequential(TRUNK)),
        **under("projection_head.layers.", linear("0", FEATURES, 6)),
    }
    torch.save({"state_dict": weights}, tmp_path / "w.ckpt")
    model = load_model(tmp_path / "w.ckpt", STATED)
    assert close(embed(model), stated_features())
    assert close(
        embed(model, "projector"), apply_linear(stated_features(), linear("0", FEATURES, 6), "0")
    )


def test_a_classifier_of_mmpretrain_has_its_head(tmp_path) -> None:
    head = linear("fc", FEATURES, 7)
    content = {"state_dict": {**under("backbone.", TRUNK), **under("head.", head)}}
    torch.save(content, tmp_path / "w.pth")
    assert recognise(content) == "backbone"
    model = load_model(tmp_path / "w.pth", STATED)
    assert close(embed(model, "logits"), apply_linear(stated_features(), head, "fc"))


def test_a_checkpoint_of_simsiam_is_normalised_as_its_script_does(tmp_path) -> None:
    projector = {**ended_by_norm(affine=False), "6.bias": torch.linspace(-1, 1, 6)}
    weights = {
        **under("encoder.", TRUNK),
        **under("encoder.fc.", projector),
        **under("predictor.", bn_projector(hidden_bias=False)),
    }
    content = {"arch": "resnet50", "state_dict": under("module.", weights)}
    torch.save(content, tmp_path / "w.pth.tar.pth")
    assert recognise(content) == "simsiam"
    model = load_model(tmp_path / "w.pth.tar.pth")
    assert close(embed(model), TRUNK_FEATURES)
    with torch.no_grad():
        expected = projected_to_norm(TRUNK_FEATURES, projector)
    assert close(embed(model, "projector"), expected)
    assert read_card(tmp_path / "w.pth.tar.pth").mean == IMAGENET[0]


def test_a_state_dict_of_a_backbone_alone_is_refused_until_its_normalisation_is_stated(
    tmp_path, capsys
) -> None:
    file = tmp_path / "w.pth"
    torch.save({"state_dict": under("backbone.", TRUNK)}, file)
    with pytest.raises(ImprintError, match=r"layout backbone, .*: give --mean and --std"):
        load_model(file)
    with pytest.raises(ImprintError, match="give --mean and --std"):
        read_card(file, {"mean": [0.5]})
    words = ["convert", "--checkpoint", str(file), "--out", str(tmp_path / "o")]
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "which does not say how images are normalised" in capsys.readouterr().err
    main([*words, "--mean", HALF, "--std", HALF])
    expected = resnet50_features(EMBEDDED, TRUNK, [0.5] * 3, [0.5] * 3)
    assert close(embed(load_model(tmp_path / "o/w.safetensors")), expected)


@pytest.mark.parametrize("place", ["beside", "named"])
def test_a_card_of_mean_and_std_alone_states_the_normalisation(tmp_path, place) -> None:
    file = tmp_path / "w.pth"
    torch.save({"state_dict": under("backbone.", TRUNK)}, file)
    card = tmp_path / ("w.json" if place == "beside" else "card.json")
    card.write_text(json.dumps(STATED))
    if place == "beside":
        assert close(embed(load_model(file)), stated_features())
        return
    words = ["convert", "--checkpoint", str(file), "--card", str(card)]
    main([*words, "--out", str(tmp_path / "o")])
    assert close(embed(load_model(tmp_path / "o/w.safetensors")), stated_features())


def test_images_of_other_channels_or_small_ones_need_their_normalisation(tmp_path) -> None:
    wide = torch.cat([TRUNK["conv1.weight"], TRUNK["conv1.weight"][:, :1]], dim=1)
    torch.save({**TRUNK, "conv1.weight": wide}, tmp_path / "four.pth")
    with pytest.raises(ImprintError, match=r"4-channel images, .* give --mean and --std"):
        load_model(tmp_path / "four.pth")
    card = {"mean": [0.4], "std": [0.2]}
    assert load_model(tmp_path / "four.pth", card).channels == 4
    small = {**TRUNK, "conv1.weight": TRUNK["conv1.weight"][:, :, :3, :3]}
    torch.save(small, tmp_path / "small.pth")
    with pytest.raises(ImprintError, match=r"small images, .* give --mean and --std"):
        load_model(tmp_path / "small.pth")


def test_names_are_stripped_and_renamed_on_the_command_line(tmp_path, capsys) -> None:
    weights = {
        ("stem." + name if name.startswith(("conv1.", "bn1.")) else name): tensor
        for name, tensor in TRUNK.items()
    }
    file = tmp_path / "w.pth"
    torch.save({"model": {**under("student.", weights), "centre": torch.zeros(3)}}, file)
    words = ["convert", "--checkpoint", str(file), "--out", str(tmp_path / "o"), "--mean", HALF]
    words += ["--std", HALF, "--key-prefix"]
    with pytest.raises(SystemExit):
        main([*words, "teacher."])
    assert "no tensor under --key-prefix teacher.: names begin with student., centre" in (
        capsys.readouterr().err
    )
    with pytest.raises(SystemExit):
        main([*words, "student.", "--key-map", "steam.=conv1."])
    assert "no tensor whose name begins with 'steam.' of --key-map" in capsys.readouterr().err
    main([*words, "student.", "--key-map", "stem.="])
    expected = resnet50_features(EMBEDDED, TRUNK, [0.5] * 3, [0.5] * 3)
    assert close(embed(load_model(tmp_path / "o/w.safetensors")), expected)


def test_every_command_that_reads_weights_has_the_options_of_weights() -> None:
    weights = {"model", "model_a", "checkpoint"}
    reading = set()
    for command in set(COMMANDS.names()) - {"coverage detection"}:  # no classifier, no card
        options = COMMANDS.get(command).options
        if weights & {field.name for field in dataclasses.fields(options)}:
            assert issubclass(options, WeightsChoice), command
            reading.add(command.split()[-1])
    assert {"audit", "one-model", "two-model", "measure", "importance", "convert"} <= reading
