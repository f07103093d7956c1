import numpy as np
import pytest

from imprint.data.imageset import ArrayImages


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(0)
    labels = np.arange(48) % 3
    pixels = draw.integers(0, 120, (48, 3, 12, 12), dtype=np.uint8)
    pixels[np.arange(48), labels] += 100
    return ArrayImages(pixels, labels, ("red", "green", "blue"))
