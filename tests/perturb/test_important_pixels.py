from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.perturb.important_pixels import pixel_importance


@pytest.mark.parametrize("method", ["lrp", "lgxa", "ldl", "lig", "lc"])
def test_pixels_of_a_linear_network_have_their_weight_times_value(
    linear: ImageModel, inputs: np.ndarray, method: str
) -> None:
    """All these attributions agree on a linear network, and add up to the logit less its bias."""
    found = pixel_importance(linear, inputs, np.arange(12), method, 0)
    layer = next(m for m in linear.modules() if isinstance(m, torch.nn.Linear))
    normalised = (torch.from_numpy(inputs) - 0.2) / 0.5
    named = linear(torch.from_numpy(inputs)).argmax(1)
    expected = normalised.flatten(1) * layer.weight[named]
    assert found.reshape(12, 16) == pytest.approx(expected.detach().numpy(), abs=1e-5)


def test_what_gives_no_value_a_pixel_is_refused(linear: ImageModel, inputs: np.ndarray) -> None:
    with pytest.raises(ImprintError, match="one value a channel"):
        pixel_importance(linear, inputs, np.arange(12), "lfa", 0)
    with pytest.raises(ImprintError, match="unknown"):
        pixel_importance(linear, inputs, np.arange(12), "luck", 0)
