"""Options of the leave-one-out commands; those of a kernel stand with the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.leave_one_out.composition_options import CompositionChoice, RemovalChoice
from imprint.lenses.leave_one_out.normalisation_options import NormalisationChoice
from imprint.lenses.leave_one_out.target_options import TargetChoice
from imprint.study.option_types import Formerly, Names, NumbersOrAuto, Settings
from imprint.study.options import Common, DataChoice

Noise = Annotated[
    NumbersOrAuto,
    Bounds(
        above=0,
        noun="a positive, finite variance",
        why="without noise a model knows the label of each of its records, and every divergence "
        "is infinite",
    ),
]
TargetKind = Literal["classes", "labels", "values"]
"""What the targets of a fit are: one class, several labels, or real values."""
NoiseCriterion = Literal["density", "evidence"]
"""What a noise variance is chosen by: leave-one-out density of the targets, or evidence."""
Side = Annotated[int, Bounds(least=1)]
Count = Annotated[int, Bounds(least=1)]


@dataclass(frozen=True, kw_only=True)
class KernelChoice(Checked):
    """The kernel: the prior over functions under which the records are fitted."""

    kernel: str = "fc"
    """The kernel: fc, conv, conv_pool, myrtle, wide_resnet (networks of infinite width), rbf,
    features, or given: a matrix in --arrays."""
    activation: str | None = None
    """Activation after each hidden layer, for kernels of networks: relu, gelu, erf, tanh, silu and
    more (imprint list activations); leaky_relu:0.2 has slope 0.2."""
    depth: Annotated[int | None, Bounds(least=1, most=1000)] = None
    """Hidden layers, for kernels of networks. Left out, the kernel's own default (fc: 5)."""
    w_std: float | None = None
    """Standard deviation of a weight times the root of its fan-in, for kernels of networks."""
    b_std: float | None = None
    """Standard deviation of a bias, for kernels of networks."""
    kernel_options: Settings = ()
    """Further options of the kernel, such as limit=ntk (networks), window=3 (conv), gamma=2 (rbf)
    or similarity=cosine (features)."""


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutChoice(KernelChoice):
    """How records are fitted under a kernel."""

    noise: Noise = (0.1,)
    """Noise variance of the targets, or auto, by what --noise-by says. Of several, separated by
    commas, the first is fitted, and all form the noise path, which takes an eigendecomposition, as
    auto does. auto alone is compared with 0.01, 0.1 and 1."""
    noise_by: NoiseCriterion = "density"
    """What auto maximises: the leave-one-out log predictive density, which asks how well each
    record is predicted without it and holds where the prior is wrong (density), or the likelihood
    of all targets under the prior (evidence). Both are reported."""
    noise_scale: Literal["profiled", "fixed"] = "profiled"
    """Whether auto judges each noise variance at the best common factor of kernel and noise, on
    which predictions do not depend (profiled), or with the kernel as it is (fixed)."""
    outputs: Literal["classes", "contrast"] = "classes"
    """One output per class, or the contrast of two classes alone, which halves divergences."""
    scaling: Literal["standardised", "unit"] = "standardised"
    """Pixels of images: zero mean and unit variance in each channel over the fitted images
    (standardised), or from 0 to 1 (unit). Arrays are used as they are."""
    input_size: Side = 32
    """Side in pixels to which images are resampled."""
    records: Annotated[int, Bounds(least=0)] = 0
    """Maximum number of records to fit, drawn at random; 0 takes all."""


@dataclass(frozen=True, kw_only=True)
class MethodChoice(Checked):
    """The method of the fit: the whole kernel matrix, or less memory."""

    method: Literal["dense", "auto", "exact", "hybrid", "out_of_core", "nystrom"] = "dense"
    """dense keeps the kernel matrix and its inverse, 32 n² bytes. The others take less and state
    their measured error: exact (float64, 4 n² bytes), hybrid (float32, 2 n²), out_of_core (float32
    on disk), nystrom (low rank, off by a few per cent); they solve for queries by conjugate
    gradients. auto is exact where it fits, then hybrid, then out_of_core."""
    memory: Annotated[float | None, Bounds(above=0, most=1e6)] = None
    """GiB of memory for methods other than dense. Left out, 80 % of what is free."""
    landmarks: Annotated[int, Bounds(least=1)] = 1000
    """Rank of nystrom."""
    probes: Annotated[int, Bounds(least=2, or_zero=True)] = 200
    """Random sign vectors that correct nystrom's values; 0 for none."""


@dataclass(frozen=True, kw_only=True)
class RecordOptions(CompositionChoice, LeaveOneOutChoice, DataChoice, Common):
    """Which records are fitted, and how."""

    arrays: Path | None = None
    """An .npz file of x [n, ...], y [n] and optionally queries [q, ...] and their classes
    query_labels [q], in place of images. Kernels of images take x as [n, C, H, W] or
    [n, H, W, C]. Of --targets values, y [n] or [n, c] and query_targets. Of --kernel given, kernel
    [n, n], kernel_queries [q, n] and kernel_query_diagonal [q] in place of x and queries."""
    channels: Literal["first", "last"] | None = None
    """Channel axis of x: first is [n, C, H, W], last is [n, H, W, C]. Left out, it is recognised by
    1 or 3 channels or else by two equal sides; an ambiguous shape is an error."""


@dataclass(frozen=True, kw_only=True)
class SolverOptions(Checked):
    """How queries of a fit by a method other than dense are solved, and what is written."""

    tolerance: Annotated[float | None, Bounds(least=1e-13, below=1)] = None
    """Relative residual at which the conjugate gradients of a query stop, for methods other than
    dense. Left out, 1e-8, and 1e-4 for nystrom."""
    passes: Annotated[int | None, Bounds(least=1)] = None
    """Maximum number of passes over the kernel matrix, each n² kernel values; the residual that
    they reach is stated. Left out, as many as the tolerance takes."""
    measures: Names = ("all",)
    """Measures to write of queries, such as kl_out_in,influence; auc takes longest. For methods
    other than dense."""
    values: Literal["float64", "float32"] = "float64"
    """Number type of the measures written, for methods other than dense."""


@dataclass(frozen=True, kw_only=True)
class FitOptions(NormalisationChoice, TargetChoice, MethodChoice, SolverOptions, RecordOptions):
    """Fit records by a Gaussian process, and leave each of them out."""

    keep_factor: bool = False
    """Keep the factor of the methods exact, hybrid and out_of_core on disk, 4 n² or 2 n² bytes, so
    that queries need not compute it again."""


@dataclass(frozen=True, kw_only=True)
class QueryOptions(SolverOptions, Common):
    """Query a finished fit."""

    fit: Path
    """The folder of a finished fit."""
    queries: Path | None = None
    """An .npz file of queries [q, ...] (of images uint8, or floats from 0 to 1) and optionally
    their classes query_labels [q] (of images positions in the classes of the fit), or real values
    query_targets. Of --kernel given, kernel_queries [q, n] and kernel_query_diagonal [q]. Arrays
    of records in it, as in the file that was fitted, are passed over."""
    groups: str = ""
    """Leave out records together: classes, copies (exact ones), or an .npz file of index [m] and
    group [m], where record index[i] belongs to group[i]."""
    add: Path | None = None
    """An .npz file of x [m, ...] and y [m] (as queries and query_labels): records that the fit
    lacks, each added by itself. Of --kernel given, kernel_added [m, n] and kernel_added_diagonal
    [m] in place of x."""
    among_records: bool = False
    """Also query the fitted records themselves: one array [n, n] per measure."""
    memory: Annotated[float | None, Bounds(above=0, most=1e6)] = None
    """GiB of memory, for fits by methods other than dense. Left out, 80 % of what is free."""


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutStep(LeaveOneOutChoice):
    """The leave-one-out step of an audit, on the images that both encoders are trained on."""

    skip: bool = False
    """Skip this step."""
    records: Annotated[int, Bounds(least=0)] = 2000
    """Maximum number of images to fit, drawn at random; 0 takes all."""


@dataclass(frozen=True, kw_only=True)
class OwnLeaveOneOut(Checked):
    """How the influence of single members is estimated."""

    fitted: Annotated[int, Bounds(least=2)] = 1500
    """Maximum number of members in a closed-form fit, drawn at random."""
    members: Annotated[int, Bounds(least=2)] = 500
    """Maximum number of members whose influence on the model is estimated, drawn at random."""
    tests: Annotated[int, Bounds(least=1)] = 50
    """Maximum number of tests whose influential members are estimated, wrong ones first."""
    estimators: Names = ("all",)
    """Estimators of influence on the model itself; all takes those that fit the budget, none skips
    them."""
    damping: Annotated[float, Bounds(above=0)] = 1e-3
    """Added to the curvature by estimators that invert it."""


@dataclass(frozen=True, kw_only=True)
class SearchChoice(Checked):
    """How queries that reveal removed records are searched."""

    removed: Count = 50
    """Number of searches: each removes one record, or group of records, drawn at random."""
    group_size: Count = 1
    """Records removed together, all of one class."""
    queries: Count = 1
    """Inputs queried together; as many as the group has records suffice."""
    objective: Literal["correlation", "kl_out_in", "kl_in_out", "mean_distance"] = "correlation"
    """What is maximised: the signed correlation with the record, a divergence, or the mean
    distance, which has no bound."""
    method: Literal["lbfgs", "adam"] = "lbfgs"
    """The optimiser: L-BFGS, or Adam as published."""
    steps: Annotated[int, Bounds(least=0)] = 200
    """Maximum steps per start."""
    restarts: Annotated[int, Bounds(least=1), Formerly("attempts")] = 5
    """Maximum starts per search; another follows only if none so far reached the target share."""
    target_share: Annotated[float, Bounds(above=0, most=1), Formerly("enough")] = 0.999
    """A search stops when it reaches this share of the bound on any query."""
    learning_rate: Annotated[float, Bounds(above=0)] = 0.1
    """Learning rate of Adam, in units of the inputs."""
    start: Literal["noise", "records"] = "noise"
    """Uniform noise over the range of the inputs, or other records."""
    start_seed: int | None = None
    """Seed of the starts alone, to repeat the same searches from others. Left out, --seed."""
    domain: Literal["anywhere", "sphere", "box"] = "anywhere"
    """Where queries may lie: anywhere, at the length of the median record, or within the range of
    pixels (of arrays: of the records)."""


@dataclass(frozen=True, kw_only=True)
class OptimiseOptions(RemovalChoice, SearchChoice, RecordOptions):
    """Search the queries that best reveal removed records."""


@dataclass(frozen=True, kw_only=True)
class LineChoice(Checked):
    """Which lines run through removed records."""

    removed: Count = 20
    """Removed records, drawn at random."""
    lines: Count = 2
    """Random lines and principal lines per record, in addition to one to its neighbour and one
    along its brightness."""
    half_length: Annotated[float, Bounds(above=0), Formerly("reach")] = 0.5
    """Length of a line to either side of the record, in root mean square over the numbers of an
    input."""
    steps_per_side: Annotated[int, Bounds(least=1), Formerly("steps")] = 20
    """Steps to either side."""


@dataclass(frozen=True, kw_only=True)
class NoiseLineChoice(Checked):
    """Straight lines from uniform noise to removed records."""

    noise_lines: Annotated[int, Bounds(least=0)] = 0
    """Straight lines to each removed record, each from an image of uniform noise of its own
    (published: one); 0 for none."""
    noise_steps: Annotated[int, Bounds(least=1)] = 50
    """Steps from the noise to the record."""


@dataclass(frozen=True, kw_only=True)
class LandscapeOptions(NoiseLineChoice, RemovalChoice, LineChoice, RecordOptions):
    """Leave-one-out distinguishability along lines through removed records."""
