"""The range of the inputs of a fit: that of pixels, or that of the records."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.study.fitted import GaussianFit


def input_range(fit: GaussianFit) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest input, in the shape of one."""
    values = fit.values
    if fit.inputs.pixels is None:
        least, greatest = torch.aminmax(values)
        return least.expand(values.shape[1:]), greatest.expand(values.shape[1:])
    edges = [np.full((1, *values.shape[1:]), value) for value in (0.0, 1.0)]
    low, high = (torch.from_numpy(fit.inputs.pixels.scaled(edge)[0]) for edge in edges)
    return low.to(values), high.to(values)
