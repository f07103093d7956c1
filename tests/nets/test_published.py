"""Files laid out as the public ones are, of narrow networks that are wired here by hand."""

import argparse
import json
from collections import OrderedDict

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.nets.load import load_model, read_card
from imprint.nets.published import LAYOUTS, published_network, recognise
from tests.nets.published_files import (
    FEATURES,
    IMAGENET,
    IMAGES,
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
    saved,
    under,
)
from tests.nets.published_helpers import ViT, vit_weights


def test_a_trunk_of_vicreg_barlow_twins_or_dino(tmp_path) -> None:
    model = saved(tmp_path / "resnet50.pth", OrderedDict(TRUNK))
    assert close(embed(model), TRUNK_FEATURES)
    card = read_card(tmp_path / "resnet50.pth")
    assert (card.architecture, card.options, card.outputs) == ("resnet50", {"width": 4}, None)
    assert (card.mean, card.std, card.input_size) == (*IMAGENET, 224)
    assert card.training == {"published": "trunk"}


@pytest.mark.parametrize(
    ("layout", "hidden_bias", "extra"),
    [("vicreg", True, {}), ("barlow", False, norm("bn", 6, affine=False))],
)
def test_a_full_checkpoint_of_vicreg_or_barlow_twins(tmp_path, layout, hidden_bias, extra) -> None:
    projector = bn_projector(hidden_bias)
    weights = {**under("backbone.", TRUNK), **under("projector.", projector), **extra}
    content = {"epoch": 1000, "model": under("module.", weights), "optimizer": {"state": {}}}
    model = saved(tmp_path / "full.pth", content)
    assert recognise(content) == layout
    assert close(embed(model), TRUNK_FEATURES)
    assert close(embed(model, "projector"), bn_projected(TRUNK_FEATURES, projector))
    assert read_card(tmp_path / "full.pth").projector == "10-12-6"


def dejavu_projector() -> dict[str, Tensor]:
    return {
        **linear("0.0", FEATURES, 10),
        **norm("0.1", 10),
        **linear("1.0", 10, 12),
        **norm("1.1", 12),
        **linear("2", 12, 6, bias=False),
    }


def plain(projector: dict[str, Tensor]) -> dict[str, Tensor]:
    """Déjà vu's nested names as those of one row of layers."""
    places = {"0.0": "0", "0.1": "1", "1.0": "3", "1.1": "4", "2": "6", "2.0": "6"}
    return {
        f"{places[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": tensor
        for name, tensor in projector.items()
    }


@pytest.mark.parametrize("extra", [{}, norm("bn", 6, affine=False), linear("predictor.0.0", 6, 10)])
@pytest.mark.parametrize("bare", [False, True])
def test_a_snapshot_of_deja_vu(tmp_path, extra, bare) -> None:
    projector = dejavu_projector()
    weights = under("module.", {**under("net.", TRUNK), **under("projector.", projector), **extra})
    content = weights if bare else {"epoch": 50, "model": weights, "probes": {}, "optimizer": {}}
    model = saved(tmp_path / "model_ep50.pth", content)
    assert close(embed(model), TRUNK_FEATURES)
    expected = bn_projected(TRUNK_FEATURES, plain(projector))
    assert close(embed(model, "projector"), expected)


def test_a_projector_of_deja_vu_that_ends_in_a_rectifier(tmp_path) -> None:
    projector = dejavu_projector()
    projector["2.0.weight"] = projector.pop("2.weight")
    weights = {**under("net.", TRUNK), **under("projector.", projector)}
    model = saved(tmp_path / "model.pth", {"model": under("module.", weights)})
    assert read_card(tmp_path / "model.pth").projector == "rectified:10-12-6"
    expected = bn_projected(TRUNK_FEATURES, plain(projector)).relu()
    assert close(embed(model, "projector"), expected)


def test_a_supervised_snapshot_of_deja_vu_has_its_head(tmp_path) -> None:
    projector = dejavu_projector()
    head = {**norm("0", 6), **linear("2", 6, 5)}
    weights = {
        **under("net.", TRUNK), **under("projector.", projector), **under("fc.", head)
    }  # fmt: skip
    model = saved(tmp_path / "model.pth", {"model": under("module.", weights)})
    embeddings = bn_projected(TRUNK_FEATURES, plain(projector))
    expected = apply_linear(batch_norm(embeddings, head, "0").relu(), head, "2")
    assert read_card(tmp_path / "model.pth").outputs == 5
    assert close(embed(model, "logits"), expected)


@pytest.mark.parametrize("layout", ["simclr", "moco", "vissl"])
def test_projectors_of_linear_layers_and_a_rectifier(tmp_path, layout) -> None:
    projector = {**linear("0", FEATURES, 10), **linear("2", 10, 6)}
    if layout == "simclr":
        weights = {**under("backbone.", TRUNK), **under("backbone.fc.", projector)}
        content = {"epoch": 200, "arch": "resnet50", "state_dict": weights, "optimizer": {}}
    elif layout == "moco":
        weights = {**under("encoder_q.", TRUNK), **under("encoder_q.fc.", projector)}
        other = {**under("encoder_k.", TRUNK), **under("encoder_k.fc.", projector)}
        queue = {"queue": torch.rand(6, 8), "queue_ptr": torch.tensor([0])}
        content = {"state_dict": under("module.", {**weights, **other, **queue})}
    else:
        heads = {
            f"{0 if name[0] == '0' else 1}.clf.0.{name[2:]}": tensor
            for name, tensor in projector.items()
        }
        plain = {"trunk": under("_feature_blocks.", TRUNK), "heads": heads}
        content = {"classy_state_dict": {"base_model": {"model": plain, "meta": {"k": 1}}}}
    model = saved(tmp_path / "w.pth", content)
    card = read_card(tmp_path / "w.pth")
    assert (card.training["published"], card.projector) == (layout, "relu:10-6")
    unchanged = layout == "simclr"
    features = (
        resnet50_features(IMAGES, TRUNK, [0.0] * 3, [1.0] * 3) if unchanged else TRUNK_FEATURES
    )
    assert close(embed(model), features)
    expected = apply_linear(apply_linear(features, projector, "0").relu(), projector, "2")
    assert close(embed(model, "projector"), expected)


def test_simclr_converted_from_tensorflow_must_be_named(tmp_path, capsys) -> None:
    weights = {**TRUNK, **linear("fc", FEATURES, 7)}
    file = tmp_path / "resnet50-1x.pth"
    as_trunk = saved(file, {"state_dict": weights})
    assert close(embed(as_trunk), TRUNK_FEATURES)
    words = ["convert", "--checkpoint", str(file), "--checkpoint-layout", "simclr_tf"]
    main([*words, "--out", str(tmp_path / "out")])
    assert "layout simclr_tf, resnet50" in capsys.readouterr().out
    model = load_model(tmp_path / "out" / "resnet50-1x.safetensors")
    features = resnet50_features(IMAGES, TRUNK, [0.0] * 3, [1.0] * 3, pool_same=True)
    assert close(embed(model), features)
    assert close(embed(model, "logits"), apply_linear(features, weights, "fc"))


def dino_head(use_norm: bool, width: int) -> tuple[dict[str, Tensor], list[str]]:
    """DINO's head up to its bottleneck, and the names of its linear layers and norms in order."""
    layers = ["0", "1", "3", "4", "6"] if use_norm else ["0", "2", "4"]
    head: dict[str, Tensor] = {}
    before = width
    for place in layers:
        if use_norm and place in "14":
            head |= norm(place, 10)
            continue
        after = 6 if place == layers[-1] else 10
        head |= linear(place, before, after)
        before = after
    return head, layers


def dino_projected(features: Tensor, head: dict[str, Tensor], layers: list[str]) -> Tensor:
    for row, place in enumerate(layers):
        if f"{place}.running_mean" in head:
            features = functional.gelu(batch_norm(features, head, place))
            continue
        features = apply_linear(features, head, place)
        if row < len(layers) - 1 and f"{layers[row + 1]}.running_mean" not in head:
            features = functional.gelu(features)
    return features


@pytest.mark.parametrize("use_norm", [True, False])
def test_both_branches_of_a_full_dino_checkpoint(tmp_path, use_norm) -> None:
    """As written by the training script: options, DDP around the student alone, prototypes."""
    head, layers = dino_head(use_norm, FEATURES)
    prototypes = {"weight_g": torch.ones(20, 1), "weight_v": torch.rand(20, 6)}
    teacher = {
        **under("backbone.", TRUNK),
        **under("head.mlp.", head),
        **under("head.last_layer.", prototypes),
    }
    student = {name: tensor * 1.01 if tensor.is_floating_point() else tensor
               for name, tensor in teacher.items()}  # fmt: skip
    content = {
        "student": under("module.", student),
        "teacher": teacher,
        "epoch": 100,
        "args": argparse.Namespace(arch="resnet50", lr=0.1),
        "dino_loss": {"center": torch.zeros(1, 20)},
    }
    path = tmp_path / "full.pth"
    model = saved(path, content)
    assert close(embed(model), TRUNK_FEATURES)
    expected = dino_projected(TRUNK_FEATURES, head, layers)
    assert close(embed(model, "projector"), expected)
    kind = "bn_gelu" if use_norm else "gelu"
    assert read_card(path).projector == f"{kind}:10-10-6"
    main(
        [
            "convert",
            "--checkpoint",
            str(path),
            "--branch",
            "student",
            "--out",
            str(tmp_path / "own"),
        ]
    )
    loaded = load_model(tmp_path / "own" / "full.safetensors")
    own = {name.removeprefix("backbone."): tensor for name, tensor in student.items()}
    assert close(embed(loaded), resnet50_features(IMAGES, own))
    assert read_card(tmp_path / "own" / "full.safetensors").training["branch"] == "student"


def test_a_full_dino_checkpoint_of_a_vision_transformer(tmp_path) -> None:
    weights = vit_weights()
    head, layers = dino_head(False, 128)
    branch = {**under("backbone.", weights), **under("head.mlp.", head)}
    branch["head.last_layer.weight_v"] = torch.rand(20, 6)
    model = saved(
        tmp_path / "full.pth", {"student": under("module.", branch), "teacher": branch, "epoch": 1}
    )
    small = IMAGES[:, :, :32, :32]
    with torch.no_grad():
        features = ViT(weights, 2, 128, 2)(small, weights["pos_embed"])
        found = model.embed(small, "projector")
    assert close(found, dino_projected(features, head, layers))


def test_what_is_missing_or_left_over_is_named(tmp_path) -> None:
    weights = dict(TRUNK)
    del weights["layer2.1.conv2.weight"]
    weights["layer1.0.conv4.weight"] = torch.zeros(1)
    content = {**under("backbone.", weights), **under("projector.", bn_projector(True))}
    torch.save({"model": under("module.", content)}, tmp_path / "w.pth")
    with pytest.raises(ImprintError) as caught:
        load_model(tmp_path / "w.pth")
    assert "1 missing (layer2.1.conv2.weight)" in str(caught.value)
    assert "1 left over (layer1.0.conv4.weight)" in str(caught.value)


def test_a_part_that_the_layout_has_no_place_for_is_named(tmp_path) -> None:
    weights = {
        **under("backbone.", TRUNK), **under("projector.", bn_projector(True)),
        **linear("classifier", FEATURES, 10),
    }  # fmt: skip
    torch.save({"model": weights}, tmp_path / "w.pth")
    with pytest.raises(ImprintError, match=r"2 left over \(classifier\.bias, classifier\.weight\)"):
        load_model(tmp_path / "w.pth")


def test_a_projector_that_imprint_cannot_build_is_rejected(tmp_path) -> None:
    projector = {**bn_projector(True), **norm("7", 6), **norm("8", 6)}
    weights = {**under("backbone.", TRUNK), **under("projector.", projector)}
    torch.save({"model": weights}, tmp_path / "w.pth")
    with pytest.raises(
        ImprintError, match="holds a projector that is not a sequence of linear layers"
    ):
        load_model(tmp_path / "w.pth")


def test_another_layout_than_named_and_a_layout_that_is_not_there(tmp_path) -> None:
    with pytest.raises(ImprintError, match=r"not of the layout dino: .*backbone\.conv1\.weight"):
        published_network(tmp_path / "w.pth", dict(TRUNK), "dino")
    with pytest.raises(ImprintError, match="unknown layout 'swav': choose one of auto, vissl"):
        published_network(tmp_path / "w.pth", dict(TRUNK), "swav")
    with pytest.raises(ImprintError, match="has none of the published layouts"):
        published_network(tmp_path / "w.pth", {"weight": torch.zeros(2)})


def test_values_of_the_card_can_be_replaced(tmp_path) -> None:
    model = saved(tmp_path / "w.pth", dict(TRUNK), mean=[0.0] * 3, std=[1.0] * 3)
    assert close(embed(model), resnet50_features(IMAGES, TRUNK, [0.0] * 3, [1.0] * 3))


def test_the_command_names_every_layout(tmp_path, capsys) -> None:
    from typing import get_args, get_type_hints

    from imprint.commands.convert import ConvertWeights

    assert set(get_args(get_type_hints(ConvertWeights)["checkpoint_layout"])) == {"auto", *LAYOUTS}
    torch.save({"teacher": {}, "student": {}}, tmp_path / "w.pth")
    with pytest.raises(SystemExit) as caught:
        main(["convert", "--checkpoint", str(tmp_path / "w.pth"), "--out", str(tmp_path / "o")])
    assert caught.value.code == 2
    assert "none of the published layouts" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_convert_writes_the_card_that_rebuilds_it(tmp_path, capsys) -> None:
    torch.save(dict(TRUNK), tmp_path / "resnet50.pth")
    words = ["convert", "--checkpoint", str(tmp_path / "resnet50.pth"), "--json"]
    main([*words, "--name", "vicreg", "--out", str(tmp_path)])
    told = json.loads(capsys.readouterr().out)
    assert told["card"] == read_card(tmp_path / "vicreg.safetensors").to_json()
    assert close(embed(load_model(tmp_path / "vicreg.safetensors")), TRUNK_FEATURES)


def test_convert_does_not_put_a_card_beside_the_file_it_read(tmp_path, capsys) -> None:
    torch.save(dict(TRUNK), tmp_path / "resnet50.pth")
    words = ["convert", "--checkpoint", str(tmp_path / "resnet50.pth"), "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        main(words)
    assert "choose another --name or --out" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["resnet50.pth"]
