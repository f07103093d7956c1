from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel, Layer
from imprint.nets.model_card import ModelCard

CARD = ModelCard("mlp", 3, 10, 4, (0.1, 0.2, 0.3), (0.5, 0.25, 0.2), {"widths": "6"})


class Flat(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def model(**changes: object) -> ImageModel:
    return build_model(replace(CARD, **changes)).eval()


def test_inputs_are_normalised_a_channel_at_a_time() -> None:
    images = torch.tensor([0.6, 0.2, 0.5]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    network = ImageModel(Flat(), 3, 2, (0.1, 0.2, 0.3), (0.5, 0.25, 0.2))
    expected = torch.tensor([1.0, 0.0, 1.0]).repeat_interleave(4)
    torch.testing.assert_close(network(images)[0], expected)


def test_one_mean_and_deviation_stand_for_all_channels() -> None:
    network = ImageModel(Flat(), 3, 2, (0.5,), (0.25,))
    assert torch.equal(network(torch.ones(1, 3, 2, 2)), torch.full((1, 12), 2.0))


def test_a_network_of_the_users_own_has_its_output_for_features() -> None:
    network = ImageModel(Flat(), 1, 2, (0.0,), (1.0,))
    images = torch.rand(2, 1, 2, 2)
    assert network.network.feature_width == 4
    assert not network.has_logits
    assert torch.equal(network.embed(images, "backbone"), images.flatten(1))


def test_layers_are_stations_of_one_path() -> None:
    network = model(projector="8-5")
    images = torch.rand(3, 3, 4, 4)
    found = network.embed_layers(images, ("logits", "backbone", "projector"))
    assert list(found) == ["logits", "backbone", "projector"]
    assert [values.shape for values in found.values()] == [(3, 10), (3, 6), (3, 5)]
    assert torch.equal(found["projector"], network.projector(found["backbone"]))
    assert network.head is not None
    assert torch.equal(found["logits"], network.head(found["projector"]))
    assert torch.equal(found["logits"], network(images))


@pytest.mark.parametrize(
    ("projector", "layers"),
    [("", ("backbone", "logits")), ("8-5", ("backbone", "projector", "logits"))],
)
def test_several_layers_at_once_are_what_each_is_alone(
    projector: str, layers: tuple[Layer, ...]
) -> None:
    network = model(projector=projector)
    images = torch.rand(3, 3, 4, 4)
    found = network.embed_layers(images, layers)
    for layer, values in found.items():
        assert torch.equal(values, network.embed(images, layer))


def test_without_a_projector_logits_are_the_networks_and_its_layer_is_refused() -> None:
    network = model()
    images = torch.rand(3, 3, 4, 4)
    features = network.embed(images, "backbone")
    assert torch.equal(network(images), network.network.linear(features))
    assert (network.has_projector, network.last_embedding) == (False, "backbone")
    with pytest.raises(ImprintError, match="has no projector: choose --layer backbone"):
        network.embed(images, "projector")


def test_with_neither_projector_nor_outputs_the_last_layer_is_the_backbone() -> None:
    network = model(outputs=None)
    images = torch.rand(3, 3, 4, 4)
    assert torch.equal(network(images), network.embed(images, "backbone"))


def test_a_head_may_stand_on_the_backbone() -> None:
    head = nn.Linear(12, 3)
    network = ImageModel(Flat(), 3, 2, (0.0,), (1.0,), head=head)
    images = torch.rand(2, 3, 2, 2)
    assert torch.equal(network(images), head(images.flatten(1)))


def test_without_outputs_the_last_layer_is_the_projector() -> None:
    network = model(outputs=None, projector="8-5")
    images = torch.rand(3, 3, 4, 4)
    assert (network.has_projector, network.last_embedding) == (True, "projector")
    assert torch.equal(network(images), network.embed(images, "projector"))
    with pytest.raises(ImprintError, match="has no classifier, so it has no logits"):
        network.embed(images, "logits")


def test_a_pass_over_the_backbone_leaves_the_projector_out() -> None:
    network = model(projector="8-5")
    ran = []
    network.projector.register_forward_hook(lambda *_: ran.append(True))
    network.embed(torch.rand(2, 3, 4, 4), "backbone")
    assert ran == []
    network.embed(torch.rand(2, 3, 4, 4), "logits")
    assert ran == [True]


def test_normalisation_is_no_weight() -> None:
    assert not {"mean", "std"} & set(model().state_dict())
    assert model().to(torch.float64).mean.dtype == torch.float64


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(2, 1, 4, 4), "takes 3-channel images, got shape [2, 1, 4, 4]"),
        (torch.rand(3, 4, 4), "takes 3-channel images, got shape [3, 4, 4]"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), "floats in [0, 1], got torch.uint8"),
        (torch.rand(2, 3, 6, 5), "takes images of 4 × 4 pixels, got 5 × 6"),
    ],
)
def test_other_images_are_refused(images: Tensor, message: str) -> None:
    with pytest.raises(ImprintError) as caught:
        model()(images)
    assert message in str(caught.value)


def test_a_convolutional_network_takes_images_of_other_sizes() -> None:
    network = model(architecture="cifar_resnet20", options={}, input_size=32)
    assert network(torch.rand(1, 3, 24, 40)).shape == (1, 10)


def test_an_unknown_layer_is_rejected() -> None:
    with pytest.raises(ImprintError, match="no layer 'fc': choose one of backbone, projector, log"):
        model().embed(torch.rand(1, 3, 4, 4), "fc")


def test_weights_are_a_function_of_the_callers_seed() -> None:
    def weights(seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_model(CARD).network.linear.weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
