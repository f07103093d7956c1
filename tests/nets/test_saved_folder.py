"""Folders that transformers' save_pretrained wrote, as weights."""

import json
from pathlib import Path

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.fill import initial_model
from imprint.nets.load import NetworkFile, hash_weights, load_model, read_card
from imprint.nets.saved_folder import folder_card

IMAGES = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
CONFIG = {
    "model_type": "vit",
    "architectures": ["ViTForImageClassification"],
    "num_channels": 3,
    "image_size": 16,
    "id2label": {str(label): f"LABEL_{label}" for label in range(5)},
}
PROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.25, 0.3],
    "rescale_factor": 1 / 255,
    "size": {"height": 16, "width": 16},
}


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers", reason="needs the extra models: transformers")


@pytest.fixture(scope="module")
def saved(transformers, tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    folder = tmp_path_factory.mktemp("saved") / "vit"
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=16,
        patch_size=8,
        num_labels=5,
    )
    model = transformers.ViTForImageClassification(config).eval()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return folder, model


def test_a_saved_folder_is_its_network_on_images_in_0_to_1(saved) -> None:
    folder, module = saved
    model = load_model(folder)
    mean, std = (
        torch.tensor(PROCESSOR[f"image_{name}"])[:, None, None] for name in ("mean", "std")
    )
    with torch.no_grad():
        expected = module(pixel_values=(IMAGES - mean) / std).logits
        features, logits = model.embed_layers(IMAGES, ("backbone", "logits")).values()
    assert torch.allclose(logits, expected, atol=1e-6)
    assert features.shape == (3, 16)
    assert model.has_logits


def test_a_saved_folder_has_a_card_and_an_untrained_twin(saved) -> None:
    folder, model = saved
    card = read_card(folder)
    assert (card.channels, card.outputs, card.input_size) == (3, 5, 16)
    assert card.mean == pytest.approx((0.5, 0.4, 0.3))
    twin = initial_model(card, 3)
    weight = twin.network.published.classifier.weight
    assert weight.shape == model.classifier.weight.shape
    assert not torch.equal(weight, model.classifier.weight)


def test_the_identity_of_a_folder_is_its_content(saved, tmp_path) -> None:
    folder, _ = saved
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert hash_weights(copy) == hash_weights(folder)
    assert NetworkFile(copy).fingerprint() == NetworkFile(folder).fingerprint()
    changed = {**PROCESSOR, "image_mean": [0.1, 0.1, 0.1]}
    (copy / "preprocessor_config.json").write_text(json.dumps(changed))
    assert NetworkFile(copy).fingerprint() != NetworkFile(folder).fingerprint()


@pytest.mark.usefixtures("transformers")
def test_weights_that_do_not_fill_the_model_are_refused(saved, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    folder, _ = saved
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    with pytest.raises(ImprintError, match="cannot load an image model"):
        load_model(tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["classifier.bias"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ImprintError, match=r"no tensor for classifier\.bias: save the model again"):
        load_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(ImprintError, match="cannot load an image model"):
        load_model(tmp_path)


def written(folder: Path, config: object = None, processor: object = None) -> Path:
    (folder / "config.json").write_text(json.dumps(CONFIG if config is None else config))
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.mark.parametrize(
    ("changes", "mean", "std"),
    [
        ({}, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)),
        ({"do_normalize": False}, (0.0,), (1.0,)),
        ({"do_rescale": False, "image_mean": 51, "image_std": 102}, (0.2,), (0.4,)),
        (
            {"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False},
            (0.5,),
            (0.5,),
        ),
        ({"image_mean": 0.5, "image_std": 0.25}, (0.5,), (0.25,)),
    ],
)  # fmt: skip
def test_the_processor_says_how_images_are_normalised(tmp_path, changes, mean, std) -> None:
    card = folder_card(written(tmp_path, processor={**PROCESSOR, **changes}), {})
    assert card.mean == pytest.approx(mean, rel=1e-9)
    assert card.std == pytest.approx(std, rel=1e-9)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({"size": {"shortest_edge": 24}}, 24),
        ({"size": 20}, 20),
        ({"size": {"shortest_edge": 24}, "crop_size": {"height": 18}, "do_center_crop": True}, 18),
        ({"size": None}, 16),
    ],
)
def test_the_processor_says_how_large_images_are(tmp_path, size, expected) -> None:
    assert (
        folder_card(written(tmp_path, processor={**PROCESSOR, **size}), {}).input_size == expected
    )


def test_what_a_folder_does_not_say_is_asked_for(tmp_path) -> None:
    folder = written(tmp_path)
    with pytest.raises(ImprintError, match=r"does not say mean and std .* give --mean and --std"):
        folder_card(folder, {})
    assert folder_card(folder, {"mean": [0.5], "std": [0.5]}).mean == (0.5,)
    bare = {name: value for name, value in CONFIG.items() if name != "image_size"}
    with pytest.raises(ImprintError, match="does not say input_size"):
        folder_card(written(tmp_path, bare, {"do_normalize": False}), {})


def test_a_configuration_leaves_out_two_labels_and_a_base_model_has_none(tmp_path) -> None:
    two = {name: value for name, value in CONFIG.items() if name != "id2label"}
    assert folder_card(written(tmp_path, two, PROCESSOR), {}).outputs == 2
    base = {**CONFIG, "architectures": ["ViTModel"]}
    assert folder_card(written(tmp_path, base, PROCESSOR), {}).outputs is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "does not describe a model of transformers"),
        ({"architectures": ["X"]}, "it has no model_type"),
        ({**CONFIG, "num_channels": "3"}, "channels must be a whole number"),
    ],
)
def test_a_configuration_that_describes_no_model_is_refused(tmp_path, config, message) -> None:
    with pytest.raises(ImprintError, match=message):
        folder_card(written(tmp_path, config, PROCESSOR), {})


def test_a_folder_without_configuration_is_refused(tmp_path) -> None:
    with pytest.raises(ImprintError, match=r"is a folder without config\.json: give a file"):
        load_model(tmp_path)


@pytest.mark.parametrize("factor", [0, -1, 10**12, "x", None, [1 / 255]])
def test_a_factor_that_rescales_nothing_is_refused(tmp_path, factor) -> None:
    folder = written(tmp_path, processor={**PROCESSOR, "rescale_factor": factor})
    with pytest.raises(ImprintError, match="rescale_factor of the image processor is"):
        folder_card(folder, {})
