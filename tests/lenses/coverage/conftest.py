import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model

CARD = ModelCard("lenet", 3, 3, 16, (0.5,), (0.25,))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of array images, and a classifier that is right about some of them."""
    root = tmp_path_factory.mktemp("world")
    generator = np.random.default_rng(0)
    for part, count in (("train", 96), ("test", 48)):
        labels = generator.integers(0, 3, count)
        pixels = generator.integers(0, 60, (count, 16, 16, 3))
        pixels[np.arange(count), :, :, labels] += 150
        np.savez(root / f"{part}.npz", images=pixels.astype(np.uint8), labels=labels)
    torch.manual_seed(0)
    save_model(root / "net.safetensors", build_model(CARD), CARD)
    return root


@pytest.fixture(scope="session")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images of the world, and a network that knows their classes."""
    root = tmp_path_factory.mktemp("trained")
    for part in ("train", "test"):
        shutil.copy(world / f"{part}.npz", root)
    torch.manual_seed(0)
    model = build_model(CARD)
    with np.load(root / "train.npz") as held:
        images = torch.from_numpy(np.moveaxis(held["images"], -1, 1)).float() / 255
        labels = torch.from_numpy(held["labels"])
    optimiser = torch.optim.Adam(model.parameters(), 0.003)
    for _ in range(25):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
    save_model(root / "net.safetensors", model, CARD)
    return root
