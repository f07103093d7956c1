import numpy as np
import torch

from imprint.data.imageset import ArrayImages
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.probe.attribution.ablation import Ablation
from imprint.probe.neurons.layer_outputs import LayerOutputs

CARD = ModelCard("lenet", 1, 3, 16, (0.4,), (0.5,))


def model(card=CARD):
    torch.manual_seed(0)
    return build_model(card).eval()


def images(count=20, channels=1, size=16):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, channels, size, size), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(count) % 3, ("a", "b", "c"))


def tensor_of(data):
    return torch.from_numpy(data.pixels).float() / 255


def ready(model, data, after_norm=True):
    outputs = LayerOutputs(model)
    with torch.no_grad():
        layers = outputs.layers(outputs.run(tensor_of(data)))
    return Ablation(outputs, layers, tensor_of(data), after_norm, rows=16)
