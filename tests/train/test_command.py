import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.train.command import read_held_out


def test_images_are_held_out_or_trained_on_but_not_both(tmp_path):
    images, file = composite(20), tmp_path / "held_out.npy"
    trained = np.arange(5, 20)
    assert read_held_out(None, images, trained).tolist() == [0, 1, 2, 3, 4]
    np.save(file, np.array([3, 1]))
    assert read_held_out(file, images, trained).tolist() == [3, 1]
    np.save(file, np.array([3, 7]))
    with pytest.raises(ImprintError, match="holds out image 7, which is trained on"):
        read_held_out(file, images, trained)
