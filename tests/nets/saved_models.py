from dataclasses import replace

import pytest
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard

CARD = ModelCard(
    "cifar_resnet20", 3, 10, 32, (0.1, 0.2, 0.3), (0.5,), training={"objective": "none"}
)

CARDS = {
    "network": CARD,
    "backbone": replace(CARD, outputs=None),
    "projector": replace(CARD, outputs=None, projector="8-4"),
    "projector and classifier": replace(CARD, projector="8-4"),
    "vgg": replace(CARD, architecture="vgg11_bn", options={"small_input": True}),
    "patches": replace(
        CARD, architecture="patch_convnet", options={"width": 8}, channels=1, mean=(0.5,)
    ),
}


def trained(card: ModelCard) -> ImageModel:
    """A model whose statistics, too, are far from fresh ones."""
    model = build_model(card)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + ("var" in name))
            else:
                tensor.fill_(7)
    return model.eval()


def outputs(model: ImageModel) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return model(torch.rand(2, model.channels, 32, 32, generator=generator))


def refused(path, card) -> str:
    with pytest.raises(ImprintError) as caught:
        load_model(path, card)
    return str(caught.value)
