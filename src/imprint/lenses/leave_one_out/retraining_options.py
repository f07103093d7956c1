"""Options of ``leave-one-out retrain`` and ``compare``: networks trained without chosen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.launch.options import ManyTasks
from imprint.lenses.leave_one_out.brittleness_options import BrittlenessChoice
from imprint.lenses.leave_one_out.options import Count, KernelChoice, Noise, Side
from imprint.study.option_types import Formerly, Names
from imprint.study.options import Common, DataChoice
from imprint.train.retrain_options import RetrainOptions


@dataclass(frozen=True, kw_only=True)
class RetrainingChoice(Checked):
    """Which networks are retrained without which records."""

    match_to: str | None = None
    """The activation whose networks, of this depth, w_std and b_std, those of --activation are
    matched to: their w_std and scale of inputs then give the typical record the same variance
    before the first and after the last layer. relu keeps the variance through depth; gelu, erf
    and tanh do not."""
    classes: Names = ()
    """Keep these classes: a number of first ones (published: 2), or two or more names. Left out, or
    0, all."""
    records: Annotated[int, Bounds(least=2)] = 500
    """Records to train on, drawn at random; of arrays at most so many."""
    queries: Annotated[int, Bounds(least=0)] = 50
    """Further records, never trained on, whose predictions are recorded as well; arrays may hold
    their own. Their number, and --lines, enter the basis that weights of fully connected networks
    are drawn in: another number gives other networks of the same distribution."""
    removed: Annotated[int, Bounds(least=1), Formerly("left_out")] = 60
    """Records to leave out, one at a time."""
    pairs: Count = 40
    """Networks with, and without, each of them; a pair starts from the same weights."""
    subsets: Annotated[int, Bounds(least=0)] = 50
    """Random halves of the records to train on, for the linear datamodeling score; 0 for none."""
    subset_networks: Count = 4
    """Networks for each half."""
    scaling: Literal["standardised", "unit"] = "unit"
    """Pixels as networks and kernel see them: from 0 to 1 (unit), or with zero mean and unit
    variance in each channel over the records (standardised)."""
    input_size: Side = 32
    """Side in pixels to which images are resampled."""
    lines: Annotated[int, Bounds(least=0)] = 0
    """Random lines through each removed record along which networks are queried as well, beside one
    to its neighbour; 0 for none. They are compared with the Gaussian process."""
    half_length: Annotated[float, Bounds(above=0, most=1e6), Formerly("reach")] = 0.5
    """Length of a line to either side of the record, in root mean square over the numbers of an
    input."""
    steps_per_side: Annotated[int, Bounds(least=1), Formerly("steps")] = 5
    """Steps to either side."""
    noise: Noise = (0.05,)
    """Noise variances of the Gaussian process (published: 0.05). The first is used for lines, and
    all for a comparison, a row each; auto there is two rows, at the variances of the largest
    leave-one-out density and of the largest evidence."""


@dataclass(frozen=True, kw_only=True)
class RetrainingOptions(ManyTasks, RetrainingChoice, KernelChoice, DataChoice, Common):
    """Retrain networks without single records of a set of images, or of arrays.

    The kernel's options (fc) describe fully connected networks: depth, activation, w_std and b_std.
    Of networks of images the kernel is that of the closed form alone.
    """

    arrays: Path | None = None
    """An .npz file of x [n, ...], y [n] and optionally queries [q, ...] and their classes
    query_labels [q], in place of images; without queries, --queries records are held out. Networks
    of images take x as [n, C, S, S] or [n, S, S, C]."""
    channels: Literal["first", "last"] | None = None
    """Channel axis of x: first is [n, C, S, S], last is [n, S, S, C]. Left out, it is recognised by
    1 or 3 channels or else by two equal sides; an ambiguous shape is an error."""
    train: RetrainOptions = field(default_factory=RetrainOptions)
    """How networks are trained."""


@dataclass(frozen=True, kw_only=True)
class EstimatorChoice(Checked):
    """Which estimators of influence are compared with retraining."""

    estimators: Annotated[Names, Formerly("estimator")] = ("all",)
    """Estimators of influence beside the closed form, or all, or none."""
    damping: Annotated[float | None, Bounds(above=0, most=1e30)] = None
    """Damping that is added to the curvature matrix of influence functions. Left out, 1 over the
    sum of all learning rates, the curvature scale that gradient descent had time to resolve."""


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions(EstimatorChoice, RetrainingOptions):
    """Compare leave-one-out values and other estimates of influence with retraining."""

    retrained: Path | None = None
    """An .npz file of models that were retrained elsewhere, in place of training any: outputs
    [K, Q, C], members [K, N] (0 and 1), query_labels [Q] (with C > 1) and optionally pairs [P, 2],
    models with and without one record. Needs --influence; data, networks and estimators are
    ignored."""
    influence: Path | None = None
    """An .npz file of influence [N, Q], or several influence_NAME [N, Q], positive where a record
    raises the output of the right class, or lowers the loss, of a query. Records and queries are
    those of --retrained, or of --arrays in the order of the file."""
    top: Annotated[int, Bounds(least=0)] = 0
    """Most helpful records of each query, for the accuracy drop; 0 takes a twentieth of all."""
    brittleness: BrittlenessChoice = field(default_factory=BrittlenessChoice)
    """Retraining without the most helpful records of single queries."""
