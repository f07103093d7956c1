import numpy as np
from scipy.fft import dctn

from imprint.data.near_duplicates.low_frequencies import (
    embeddings,
    light_of,
    low_frequencies,
    mirrored,
    perceptual_hashes,
)
from imprint.data.near_duplicates.method import HASH_BITS

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32)).astype(np.uint8)


def test_coefficients_are_those_of_the_cosine_transform():
    expected = dctn(PIXELS.astype(np.float64), axes=(2, 3), norm="ortho")[:, :, :8, :8]
    expected[:, :, 0, 0] = 0
    assert np.allclose(low_frequencies(PIXELS), expected, rtol=1e-4, atol=1e-2)


def test_the_hash_does_not_see_brightness_and_half_of_its_bits_are_set():
    hashes = perceptual_hashes(low_frequencies(PIXELS))
    darker = perceptual_hashes(low_frequencies((PIXELS // 2).astype(np.uint8)))
    assert hashes.shape == (5, HASH_BITS)
    assert (hashes.sum(1) == HASH_BITS // 2).all()
    assert ((hashes != darker).sum(1) <= 2).all()


def test_mirroring_coefficients_is_mirroring_the_image():
    there = low_frequencies(np.ascontiguousarray(PIXELS[..., ::-1]))
    assert np.allclose(mirrored(low_frequencies(PIXELS)), there, atol=1e-2)


def test_the_cosine_of_embeddings_is_the_correlation_of_blurred_images():
    first, second = embeddings(low_frequencies(PIXELS[:2])).astype(np.float64)
    blurred = []
    for image in PIXELS[:2].astype(np.float64):
        kept = np.zeros((3, 32, 32))
        kept[:, :8, :8] = dctn(image, axes=(1, 2), norm="ortho")[:, :8, :8]
        kept[:, 0, 0] = 0
        blurred.append(dctn(kept, type=3, axes=(1, 2), norm="ortho").ravel())
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert np.isclose(cosine, np.corrcoef(blurred)[0, 1], atol=1e-5)


def test_light_of_one_channel_is_that_channel():
    assert np.array_equal(light_of(PIXELS[:, :1]), PIXELS[:, 0])
