"""Narrow networks under the names of public checkpoints, wired here by hand."""

from collections import OrderedDict

import torch
from torch import Tensor
from torch.nn import functional

from imprint.nets.load import load_model

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
WIDTH = 4
FEATURES = 32 * WIDTH
IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def drawn(name: str, *shape: int) -> Tensor:
    """Values that depend on the name alone; variances positive, weights small enough."""
    seed = sum(map(ord, name)) * 1009 + len(name)
    values = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 0.5 + values
    fan = max(1, torch.Size(shape[1:]).numel())
    return (values - 0.5) * (3.0 / fan) ** 0.5 if len(shape) > 1 else values - 0.5


def norm(name: str, width: int, affine: bool = True) -> dict[str, Tensor]:
    kinds = ["weight", "bias"] if affine else []
    tensors = {f"{name}.{kind}": drawn(f"{name}.{kind}", width) for kind in kinds}
    for kind in ("running_mean", "running_var"):
        tensors[f"{name}.{kind}"] = drawn(f"{name}.{kind}", width)
    return {**tensors, f"{name}.num_batches_tracked": torch.tensor(5)}


def resnet50_weights(width: int = WIDTH) -> dict[str, Tensor]:
    """A ResNet-50's trunk by torchvision's names, an eighth as wide or less."""
    weights = {"conv1.weight": drawn("conv1.weight", width, 3, 7, 7), **norm("bn1", width)}
    before = width
    for stage, count in enumerate((3, 4, 6, 3)):
        inner = width * 2**stage
        for block in range(count):
            at = f"layer{stage + 1}.{block}"
            shapes = {1: (inner, before, 1), 2: (inner, inner, 3), 3: (4 * inner, inner, 1)}
            for number, (after, ahead, kernel) in shapes.items():
                name = f"{at}.conv{number}.weight"
                weights[name] = drawn(name, after, ahead, kernel, kernel)
                weights |= norm(f"{at}.bn{number}", after)
            if block == 0:
                name = f"{at}.downsample.0.weight"
                weights[name] = drawn(name, 4 * inner, before, 1, 1)
                weights |= norm(f"{at}.downsample.1", 4 * inner)
            before = 4 * inner
    return weights


def batch_norm(maps: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    kinds = ("running_mean", "running_var", "weight", "bias")
    return functional.batch_norm(maps, *(weights[f"{name}.{kind}"] for kind in kinds))


def resnet50_features(
    images: Tensor, weights: dict[str, Tensor], mean=IMAGENET[0], std=IMAGENET[1], pool_same=False
) -> Tensor:
    """The network of those weights, in functions alone."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (mean, std))
    maps = functional.conv2d((images - mean) / std, weights["conv1.weight"], stride=2, padding=3)
    maps = batch_norm(maps, weights, "bn1").relu()
    if pool_same:
        maps = functional.max_pool2d(functional.pad(maps, (0, 1, 0, 1)), 3, 2)
    else:
        maps = functional.max_pool2d(maps, 3, 2, padding=1)
    for stage, count in enumerate((3, 4, 6, 3)):
        for block in range(count):
            at, stride = f"layer{stage + 1}.{block}", 2 if stage and block == 0 else 1
            inner = maps
            for number, options in {1: {}, 2: {"stride": stride, "padding": 1}, 3: {}}.items():
                inner = functional.conv2d(inner, weights[f"{at}.conv{number}.weight"], **options)
                inner = batch_norm(inner, weights, f"{at}.bn{number}")
                inner = inner if number == 3 else inner.relu()
            if block == 0:
                maps = functional.conv2d(maps, weights[f"{at}.downsample.0.weight"], stride=stride)
                maps = batch_norm(maps, weights, f"{at}.downsample.1")
            maps = (maps + inner).relu()
    return maps.mean((2, 3))


def linear(name: str, before: int, after: int, bias: bool = True) -> dict[str, Tensor]:
    weights = {f"{name}.weight": drawn(f"{name}.weight", after, before)}
    return {**weights, f"{name}.bias": drawn(f"{name}.bias", after)} if bias else weights


def under(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return OrderedDict((prefix + name, tensor) for name, tensor in weights.items())


def apply_linear(features: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return functional.linear(features, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def bn_projector(hidden_bias: bool) -> dict[str, Tensor]:
    return {
        **linear("0", FEATURES, 10, hidden_bias),
        **norm("1", 10),
        **linear("3", 10, 12, hidden_bias),
        **norm("4", 12),
        **linear("6", 12, 6, bias=False),
    }


def bn_projected(features: Tensor, weights: dict[str, Tensor]) -> Tensor:
    hidden = batch_norm(apply_linear(features, weights, "0"), weights, "1").relu()
    hidden = batch_norm(apply_linear(hidden, weights, "3"), weights, "4").relu()
    return apply_linear(hidden, weights, "6")


def saved(path, content, **card):
    """Write a file as published; return its ImageModel and what it makes of the images."""
    torch.save(content, path)
    return load_model(path, card or None)


def close(found: Tensor, expected: Tensor) -> bool:
    assert float(expected.std()) > 1e-3, "a network that says the same of everything tests nothing"
    return torch.allclose(found, expected, rtol=1e-4, atol=1e-5)


TRUNK = resnet50_weights()
with torch.no_grad():
    TRUNK_FEATURES = resnet50_features(IMAGES, TRUNK)


def embed(model, layer="backbone") -> Tensor:
    with torch.no_grad():
        return model.embed(IMAGES, layer)
