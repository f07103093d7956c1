"""Files of weights as models: by card, by a function of the user, never by unpickling."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.core.user_code import consent, restore_consent, trust_code
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.predictor.predictor import ModelSettings, as_predictor, image_size_of
from imprint.nets.save import save_model
from tests.nets.predictor import user_networks

HERE = "tests.nets.predictor.user_networks"
X = np.eye(3, dtype=np.float32)


@pytest.fixture
def trusted() -> Iterator[None]:
    before = consent()
    trust_code(*(f"{HERE}:{name}" for name in ("plain", "broken", "text", "nothing")))
    yield
    restore_consent(before)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(user_networks.plain().state_dict(), tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_image_model_with_its_card(tmp_path: Path) -> None:
    model = initial_model(ModelCard("cifar_resnet20", 3, 4, 8, (0.5,), (0.5,)), 0)
    save_model(
        tmp_path / "net.safetensors", model, ModelCard("cifar_resnet20", 3, 4, 8, (0.5,), (0.5,))
    )
    predictor = as_predictor(tmp_path / "net.safetensors")
    pixels = np.zeros((2, 3, 8, 8), dtype=np.uint8)
    assert (predictor.name, image_size_of(predictor)) == ("net.safetensors", 8)
    assert predictor.predict(pixels, None).shape == (2, 4)


@pytest.mark.usefixtures("trusted")
def test_function_of_the_user_is_filled_with_the_weights(weights: Path) -> None:
    predictor = as_predictor(weights, ModelSettings(arch=f"{HERE}:plain"))
    network = user_networks.plain()
    network.load_state_dict(torch.load(weights, weights_only=True))
    expected = network(torch.from_numpy(X)).detach().numpy()
    assert np.array_equal(predictor.predict(X, None), expected)


def test_function_without_consent_is_not_called(weights: Path) -> None:
    with pytest.raises(ImprintError, match="if you trust it"):
        as_predictor(weights, ModelSettings(arch=f"{HERE}:plain"))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken", "failed with ValueError: no disk"),
        ("text", "must return a torch.nn.Module, it returned str"),
        ("nothing", "has no function 'nothing'"),
    ],
)
def test_functions_that_build_nothing(weights: Path, name: str, said: str) -> None:
    with pytest.raises(ImprintError, match=said):
        as_predictor(weights, ModelSettings(arch=f"{HERE}:{name}"))


@pytest.mark.usefixtures("trusted")
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"0.weight": torch.zeros(2, 2)}, tmp_path / "net.pt")
    with pytest.raises(ImprintError, match="does not hold the weights of") as caught:
        as_predictor(tmp_path / "net.pt", ModelSettings(arch=f"{HERE}:plain"))
    assert "\n" not in str(caught.value)


def test_encoder_without_a_classifier_is_refused(tmp_path: Path) -> None:
    card = ModelCard("cifar_resnet20", 3, None, 8, (0.5,), (0.5,))
    save_model(tmp_path / "net.safetensors", initial_model(card, 0), card)
    with pytest.raises(ImprintError, match="encoder without a classifier"):
        as_predictor(tmp_path / "net.safetensors")


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".pickle"])
def test_pickles_are_never_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps({"weights": 1}))
    with pytest.raises(ImprintError, match="is a pickle, and reading one runs whatever it holds"):
        as_predictor(path)


def test_missing_and_unknown_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match="there is no model at"):
        as_predictor(tmp_path / "none.safetensors")
    with pytest.raises(ImprintError, match="cannot audit a model of type"):
        as_predictor(tmp_path / "model.h5")
    with pytest.raises(ImprintError, match=r"folder without config\.json"):
        as_predictor(tmp_path)
