"""What can be chosen about the search for revealing queries, and about lines through records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imprint.lenses.leave_one_out.study.options import RecordOptions


@dataclass(frozen=True, kw_only=True)
class OptimiseOptions(RecordOptions):
    """Search the queries that tell most of removed records."""

    removed: int = 50
    """Records, or groups of records, that are each removed and searched for, drawn at random."""
    group_size: int = 1
    """Records removed together, all of one class."""
    queries: int = 1
    """Inputs that are asked together; as many as the group has records suffice."""
    objective: Literal["correlation", "kl_out_in", "kl_in_out", "mean_distance"] = "correlation"
    """What is climbed: the signed correlation with the record, a divergence, or the mean distance,
    which no bound holds for."""
    method: Literal["lbfgs", "adam"] = "lbfgs"
    """How: L-BFGS, or Adam as published."""
    steps: int = 200
    """Most steps of one attempt."""
    attempts: int = 5
    """Most starts of a search; another one follows only if those before fell short."""
    enough: float = 0.999
    """A search stops when it tells this share of what any query could."""
    learning_rate: float = 0.1
    """Of Adam, in units of the inputs."""
    start: Literal["noise", "records"] = "noise"
    """Uniform noise over the range of the inputs, or other records."""
    domain: Literal["anywhere", "sphere", "box"] = "anywhere"
    """Where queries may lie: anywhere, at the length of the median record, or within the range of
    pixels (of arrays: of the records)."""


@dataclass(frozen=True, kw_only=True)
class LandscapeOptions(RecordOptions):
    """Look along lines through removed records."""

    removed: int = 20
    """Records whose surroundings are looked at, drawn at random."""
    lines: int = 2
    """Random lines and principal lines a record, beside one to its neighbour and its brightness."""
    reach: float = 0.5
    """How far lines go to either side, in root mean square over the numbers of an input."""
    steps: int = 20
    """Steps to either side."""
