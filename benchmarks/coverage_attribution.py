"""Is attribution to all layers at once the same as layer by layer, and how much faster?

    python benchmarks/coverage_attribution.py [--weights pretrained --data cifar10] [--captum]

Gradient × activation (and LRP, which is the same) and DeepLIFT of LeNet-5 and a CIFAR ResNet-20 to
all their layers: one shared pass, against Captum's layer attributions, a call a layer, in turns,
the best of three. Compared are the numbers of all neurons, summed over places, relative to the
largest of their layer. Without ``--weights`` and ``--data`` weights and images are random. Captum's
LRP has no rule for the shortcuts of the ResNet: there its gradient × activation stands for it.
Leaves with 1 where values differ by more than 1e-4 or shared passes are not faster.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from captum.attr import LayerDeepLift, LayerGradientXActivation, LayerLRP
from torch import Tensor, nn

from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.load import load_model
from imprint.nets.model_card import NORMALISATIONS, ModelCard
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import mean_image
from imprint.probe.attribution.importance import neuron_values
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS, Question
from imprint.probe.neurons.layer_outputs import LayerOutputs, frozen
from pretrained_accuracy import read_folder

TOLERANCE = 1e-4
Values = dict[str, Tensor]


def main() -> int:
    """Measure and tell; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--data", type=Path, help="holds test/<class>/*.jpg of CIFAR-10")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    warnings.simplefilter("ignore")
    images, labels = some_images(chosen.data, chosen.images)
    what = "published" if chosen.weights else "random"
    print(f"{len(labels)} images, {what} weights, {chosen.threads} thread(s), float32\n")
    print(
        "| network | layers | method | all at once, CPU ms | Captum, CPU ms | times | difference |"
    )
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |")
    right = True
    for name, model in models(chosen.weights).items():
        for method in ("lgxa", "lrp", "ldl"):
            fast, seconds = best_of_three(lambda: at_once(model, images, labels, method))  # noqa: B023
            slow, other = best_of_three(lambda: by_captum(model, images, labels, method))  # noqa: B023
            gap = largest_difference(fast, slow)
            print(
                f"| {name} | {len(slow)} | {method} | {1e3 * seconds:.0f} | {1e3 * other:.0f} | "
                f"{other / seconds:.1f} | {gap:.0e} |"
            )
            right = right and gap < TOLERANCE and seconds < other
    return 0 if right else 1


def models(weights: Path | None) -> dict[str, ImageModel]:
    """Return both networks, with published weights where there are any."""
    found = {}
    for name, architecture, normalisation in (
        ("LeNet-5", "lenet", "half"),
        ("ResNet-20", "cifar_resnet20", "imagenet"),
    ):
        card = ModelCard(architecture, 3, 10, 32, *NORMALISATIONS[normalisation])
        file = f"{architecture.removeprefix('cifar_')}_cifar10.safetensors"
        torch.manual_seed(0)
        found[name] = load_model(weights / file, card) if weights else build_model(card).eval()
    return found


def some_images(data: Path | None, count: int) -> tuple[Tensor, Tensor]:
    """Return images in [0, 1] and their labels."""
    if data is None:
        random = torch.Generator().manual_seed(0)
        labels = torch.randint(0, 10, (count,), generator=random)
        return torch.rand(count, 3, 32, 32, generator=random), labels
    pixels, truth = read_folder(data / "test")
    every = len(truth) // count
    return pixels[::every][:count].float() / 255, truth[::every][:count]


def at_once(model: ImageModel, images: Tensor, labels: Tensor, method: str) -> Values:
    """Return what one method says of all layers from shared passes."""
    outputs = LayerOutputs(model)
    with frozen(model):
        question = Question(outputs, images, labels, torch.arange(len(labels)), mean_image(model))
        values = dict(ATTRIBUTORS.get(method).compute(question))
    scores = neuron_values(outputs, values, AttributionOptions())
    widths = [value.shape[outputs.axis(name)] for name, value in values.items()]
    return dict(zip(values, torch.split(scores, widths, dim=1), strict=True))


def by_captum(model: ImageModel, images: Tensor, labels: Tensor, method: str) -> Values:
    """Return what Captum says, a call a layer."""
    network = model.network
    inputs = model.normalise(images)
    found = {}
    for name, module in LayerOutputs(model).modules.items():
        if method == "ldl":
            value = LayerDeepLift(network, module).attribute(inputs, 0 * inputs, labels)
        elif method == "lrp" and takes_lrp(model):
            value = LayerLRP(network, module).attribute(inputs, labels)
        else:
            value = LayerGradientXActivation(network, module).attribute(inputs, labels)
        found[name] = value.detach().flatten(2).sum(2) if value.ndim > 2 else value.detach()
    return found


def takes_lrp(model: ImageModel) -> bool:
    """Return whether Captum has a rule for every module: not for shortcuts without weights."""
    known = (nn.Linear, nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d)
    leaves = [part for part in model.network.modules() if not list(part.children())]
    return all(isinstance(part, known) for part in leaves)


def largest_difference(one: Values, other: Values) -> float:
    """Return the largest difference of a neuron, relative to the largest value of its layer."""
    return max(
        float((one[name] - value).abs().max() / value.abs().max()) for name, value in other.items()
    )


def best_of_three(call: Callable[[], Values]) -> tuple[Values, float]:
    """Return what a call gives and its shortest time of the processor."""
    times = []
    for _ in range(3):
        start = time.process_time()
        found = call()
        times.append(time.process_time() - start)
    return found, min(times)


if __name__ == "__main__":
    sys.exit(main())
