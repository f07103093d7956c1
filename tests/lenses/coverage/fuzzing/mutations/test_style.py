from __future__ import annotations

import numpy as np
import torch

from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS
from imprint.lenses.coverage.fuzzing.mutations.style import (
    from_patch_features,
    normalised_as,
    patch_basis,
    patch_features,
)

RANDOM = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (4, 3, 12, 10), generator=RANDOM).float()


def styled(share: float, sources: torch.Tensor) -> torch.Tensor:
    amounts = np.full((4, 2), share)
    return MUTATIONS.get("style")().change(IMAGES, amounts, np.arange(4), sources)


def test_patch_features_turn_back_into_their_images() -> None:
    basis = patch_basis(3)
    flat = basis.reshape(75, 75)
    torch.testing.assert_close(flat @ flat.T, torch.eye(75), atol=1e-5, rtol=0)
    back = from_patch_features(patch_features(IMAGES, basis), basis)
    torch.testing.assert_close(back, IMAGES, atol=1e-2, rtol=0)


def test_no_share_of_a_style_and_its_own_style_change_nothing() -> None:
    torch.testing.assert_close(styled(0.0, IMAGES.flip(0).byte()), IMAGES, atol=1e-2, rtol=0)
    own = patch_features(IMAGES, patch_basis(3))
    torch.testing.assert_close(normalised_as(own, own), own, atol=1e-2, rtol=1e-4)


def test_a_whole_style_has_the_mean_and_contrast_of_its_source() -> None:
    dark = (IMAGES[:1] * 0.25 + 20).byte()
    pictures = styled(1.0, dark)
    assert float((pictures.mean((1, 2, 3)) - dark.float().mean()).abs().max()) < 5
    assert float(pictures.std()) < 0.5 * float(IMAGES.std())


def test_the_source_depends_on_the_key() -> None:
    sources = torch.stack([torch.full((3, 12, 10), level).byte() for level in (10, 240)])
    levels = [
        float(
            MUTATIONS.get("style")()
            .change(IMAGES[:1], np.ones((1, 2)), np.array([key]), sources)
            .mean()
        )
        for key in range(12)
    ]
    assert {round(level / 230) for level in levels} == {0, 1}
