from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from imprint.nets.image_model import ImageModel
from imprint.nets.outputs import OutputRule


@pytest.fixture
def linear() -> ImageModel:
    """A linear classifier of 3 classes on images of 1 × 4 × 4, normalised by 0.2 and 0.5."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    return ImageModel(network, 1, 4, (0.2,), (0.5,), output=OutputRule(outputs=3)).eval()


@pytest.fixture
def inputs() -> np.ndarray:
    return np.random.default_rng(0).random((12, 1, 4, 4), dtype=np.float32)
