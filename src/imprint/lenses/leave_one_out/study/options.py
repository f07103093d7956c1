"""What can be chosen about leave-one-out fits, by themselves and within an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imprint.lenses.leave_one_out.posterior.options import LeaveOneOutChoice, MethodChoice
from imprint.study.options import Common, DataChoice


@dataclass(frozen=True, kw_only=True)
class RecordOptions(LeaveOneOutChoice, DataChoice, Common):
    """Which records are fitted, and how."""

    arrays: Path | None = None
    """An .npz file of x [n, ...], y [n] and, if wanted, queries [q, ...] and their classes
    query_labels [q], in place of images. Kernels of images take x as [n, C, H, W] or
    [n, H, W, C]."""
    channels: Literal["first", "last"] | None = None
    """Where x has the channels of images: first is [n, C, H, W], last is [n, H, W, C]. Left out,
    the shape tells: 1 or 3 channels, or else two equal sides; where it does not, this is asked
    for."""


@dataclass(frozen=True, kw_only=True)
class FitOptions(MethodChoice, RecordOptions):
    """Fit records by a Gaussian process, and leave each of them out."""


@dataclass(frozen=True, kw_only=True)
class QueryOptions(Common):
    """Ask a finished fit what each record does to predictions elsewhere."""

    fit: Path
    """The folder of a fit."""
    queries: Path | None = None
    """An .npz file of queries [q, ...] (of images uint8, or floats from 0 to 1) and, if wanted,
    their classes query_labels [q] (of images positions in the classes of the fit)."""
    groups: str = ""
    """Leave out records together: classes, copies (exact ones), or an .npz file of index [m] and
    group [m], record index[i] belonging to group[i]."""
    add: Path | None = None
    """An .npz file of x [m, ...] and y [m] (as queries and query_labels): records that the fit
    lacks, each added by itself."""
    among_records: bool = False
    """Ask about the fitted records themselves: one array [n, n] a measure."""


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutStep(LeaveOneOutChoice):
    """The leave-one-out step of an audit, on the images both encoders are trained on."""

    skip: bool = False
    """Leave this step out."""
    records: int = 2000
    """Images to fit at most, drawn at random; 0 takes all."""
