from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model


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
    card = ModelCard("lenet", 3, 3, 16, (0.5,), (0.25,))
    save_model(root / "net.safetensors", build_model(card), card)
    return root
