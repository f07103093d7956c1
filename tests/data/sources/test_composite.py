import numpy as np
import pytest

from imprint.data.sources.composite import composite, is_correlated


def test_the_set_follows_its_seed_and_boxes_its_objects() -> None:
    images = composite(12, seed=1)
    again, other = composite(12, seed=1), composite(12, seed=2)
    assert np.array_equal(images.pixels, again.pixels)
    assert not np.array_equal(images.pixels, other.pixels)
    boxes = np.stack([boxes[0] for boxes in images.boxes()])
    width, height = images.sizes()[0]
    assert ((boxes[:, :2] >= 0) & (boxes[:, 2:] <= [width, height])).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_the_share_of_correlated_backgrounds_is_that_asked_for(correlation) -> None:
    labels = np.arange(4000) % 10
    share = is_correlated(labels, correlation, 0).mean()
    assert share == pytest.approx(correlation, abs=0.03)
