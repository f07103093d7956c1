from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS, Changes, apply

RANDOM = np.random.default_rng(0)
PICTURES = torch.from_numpy(RANDOM.integers(0, 256, (3, 2, 12, 12)).astype(np.float32))


def changed(name: str, amounts: list[float], keys: list[int] | None = None) -> torch.Tensor:
    count = len(amounts)
    both = np.stack([np.array(amounts), np.zeros(count)], 1)
    numbers = np.arange(count) if keys is None else np.array(keys)
    changes = Changes(np.zeros(count, np.int64), both, numbers)
    return apply([MUTATIONS.get(name)()], PICTURES[:count], changes, PICTURES[:1].byte())


@pytest.mark.parametrize("name", ["brightness", "contrast", "blur", "noise"])
def test_no_amount_changes_nothing(name: str) -> None:
    torch.testing.assert_close(changed(name, [0.0, 0.0, 0.0]), PICTURES)


def test_brightness_adds_within_the_range() -> None:
    torch.testing.assert_close(
        changed("brightness", [10.0, -300.0]),
        torch.stack([(PICTURES[0] + 10).clamp(0, 255), torch.zeros(2, 12, 12)]),
    )


def test_contrast_doubles_the_distance_from_the_mean() -> None:
    mean = PICTURES[0].mean()
    expected = (mean + 2 * (PICTURES[0] - mean)).round().clamp(0, 255)
    torch.testing.assert_close(changed("contrast", [1.0])[0], expected)


def test_blur_is_a_gaussian_filter() -> None:
    blurred = changed("blur", [0.1])[0].numpy()
    # Three deviations of 1.2 pixels reach 4 pixels.
    expected = [gaussian_filter(channel, 1.2, mode="nearest", radius=4) for channel in PICTURES[0]]
    np.testing.assert_allclose(blurred, np.round(expected), atol=1)


def test_each_image_is_blurred_as_by_itself() -> None:
    together = changed("blur", [0.02, 0.3, 0.0])
    torch.testing.assert_close(together[0], changed("blur", [0.02])[0], rtol=0, atol=0)


def test_noise_depends_on_the_key_alone_and_has_the_deviation() -> None:
    once, again = changed("noise", [20.0, 20.0], [7, 8]), changed("noise", [20.0], [7])
    torch.testing.assert_close(once[0], again[0], rtol=0, atol=0)
    middle = torch.full((1, 4, 40, 40), 128.0)
    changes = Changes(np.zeros(1, np.int64), np.array([[10.0, 0.0]]), np.array([3]))
    noisy = apply([MUTATIONS.get("noise")()], middle, changes, middle.byte())
    assert abs(float(noisy.std()) - 10) < 0.5
    assert abs(float(noisy.mean()) - 128) < 0.5
