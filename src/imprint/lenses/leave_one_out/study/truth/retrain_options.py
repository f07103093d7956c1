"""What can be chosen about retraining without single records, and about comparing with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imprint.lenses.leave_one_out.posterior.options import KernelChoice
from imprint.study.option_types import Names, Numbers
from imprint.study.options import Common, DataChoice
from imprint.train.retrain_options import RetrainOptions


@dataclass(frozen=True, kw_only=True)
class RetrainingOptions(KernelChoice, DataChoice, Common):
    """Retrain fully connected networks without single records of a set of images.

    The kernel's options (fc) describe the networks: depth, activation, w_std and b_std.
    """

    match_to: Literal["relu", "gelu", "erf"] | None = None
    """Networks of this activation, depth, w_std and b_std, which those of --activation are matched
    to: their w_std and scale of inputs then give the typical record the same variance before the
    first and after the last layer. relu keeps it through depth, gelu and erf do not by
    themselves."""
    classes: int = 0
    """Keep the first this many classes (published: 2); 0 keeps all."""
    records: int = 500
    """Images to train on, drawn at random."""
    queries: int = 50
    """Further images, never trained on, whose predictions are recorded as well. Their number, and
    --lines, enter the basis that weights are drawn in: another one gives other networks of the same
    law."""
    left_out: int = 60
    """How many records to leave out, one at a time."""
    pairs: int = 40
    """Networks with, and without, each of them; a pair starts from the same weights."""
    subsets: int = 50
    """Random halves of the records to train on, for the linear datamodeling score; 0 for none."""
    subset_networks: int = 4
    """Networks for each half."""
    scaling: Literal["standardised", "unit"] = "unit"
    """Pixels as networks and kernel see them: from 0 to 1 (unit), or with zero mean and unit
    variance in each channel over the records (standardised)."""
    input_size: int = 32
    """Side in pixels to which images are resampled."""
    lines: int = 0
    """Random lines through each record left out along which networks are asked as well, beside one
    to its neighbour; 0 for none. They are compared with the Gaussian process."""
    reach: float = 0.5
    """How far lines go to either side, in root mean square over the numbers of an input."""
    steps: int = 5
    """Steps to either side."""
    noise: Numbers = (0.05,)
    """Noise variances of the Gaussian process, the first for lines, and all for a comparison, a row
    each (published: 0.05)."""
    train: RetrainOptions = field(default_factory=RetrainOptions)
    """How networks are trained."""


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions(RetrainingOptions):
    """Compare leave-one-out values and other estimates of influence with retraining."""

    estimator: Names = ("all",)
    """Other estimators of influence, or all, or none."""
    damping: float | None = None
    """What is added to the curvature of influence functions; left out, 1 over the sum of all
    learning rates, where gradient descent had just time to learn."""
