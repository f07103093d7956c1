import numpy as np
import pytest

from imprint.data.tags.descriptors import patch_descriptors, pyramid_descriptors
from tests.data.tags.pictures import flat, noise


def test_a_flat_picture_has_its_colour_and_nothing_else():
    found = patch_descriptors(flat((255, 0, 51)))
    assert found.shape == (1, 49, 14)
    expected = [(1 + 0.2) / 3, 1.0, 0.5 - 0.2, *np.zeros(11)]
    np.testing.assert_allclose(found[0], np.tile(expected, (49, 1)), atol=1e-3)


@pytest.mark.parametrize(("turns", "direction"), [(0, 0), (1, 4)])
def test_edges_have_their_direction(turns, direction):
    ramp = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    picture = np.repeat(np.rot90(ramp, turns)[None, None], 3, axis=1).copy()
    edges = pyramid_descriptors(picture, levels=(1,))[0, 6:]
    assert edges.argmax() == direction
    assert edges[direction] == pytest.approx(8 / 255 * 31 / 32, rel=1e-3)
    assert np.delete(edges, direction).max() < 1e-6


def test_means_and_spreads_by_hand():
    pixels = noise(3, side=16)
    found = pyramid_descriptors(pixels, levels=(1,))
    light = pixels.mean(axis=1) / 255
    np.testing.assert_allclose(found[:, 0], light.mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(found[:, 3], light.std(axis=(1, 2)), atol=1e-4)
    assert pyramid_descriptors(pixels).shape == (3, 21 * 14)
    assert pyramid_descriptors(noise(2, channels=1)).shape == (2, 21 * 10)
