"""Settings of the attribution of an output to the neurons of every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from imprint.core.errors import ImprintError

Target = Literal["true", "predicted", "all"]
Reduction = Literal["sum", "mean", "max_abs"]
Sign = Literal["signed", "abs", "positive"]
Quadrature = Literal["trapezoid", "gauss_legendre"]
Rule = Literal["epsilon0", "epsilon", "gamma", "alpha2_beta1", "alpha3_beta2", "composite"]


@dataclass(frozen=True)
class AttributionOptions:
    """How outputs are attributed to neurons."""

    target: Target = "true"
    """Output that is explained: of the given class, of the class the network names, or the sum of
    all outputs."""
    reduce: Reduction = "sum"
    """Over the places of a channel or the tokens of a feature."""
    sign: Sign = "signed"
    """Of each value before it is reduced: as it is, its size, or its positive part."""
    steps: int = 50
    """Intervals of a path from the baseline to the input (lc, ii, lig)."""
    quadrature: Quadrature = "trapezoid"
    """Of the path: even steps with both ends, or the nodes that Captum takes, which lose the ends
    of a conductance."""
    samples: int = 5
    """Random points of a path (lgs) or random baselines (ldls) an input."""
    rule: Rule = "epsilon0"
    """Of lrp: epsilon0 is gradient × activation; composite is gamma in the lower third of the
    layers, epsilon in the middle and epsilon0 on top."""
    channels: int | None = None
    """Channels that lfa takes away in each layer, drawn at random; all when None."""
    rows: int = 256
    """Inputs a pass where a method shows many variants of each; changes nothing but memory."""
    seed: int = 0
    """Of everything random."""

    def __post_init__(self) -> None:
        closed = {
            "target": Target,
            "reduce": Reduction,
            "sign": Sign,
            "quadrature": Quadrature,
            "rule": Rule,
        }
        for name, kind in closed.items():
            value = getattr(self, name)
            if value not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise ImprintError(f"attribution {name} is {value!r}: choose one of {choices}")
        for name in ("steps", "samples", "rows"):
            if getattr(self, name) < 1:
                raise ImprintError(f"attribution {name} is {getattr(self, name)}: at least 1")
        if self.channels is not None and self.channels < 1:
            raise ImprintError(f"attribution channels is {self.channels}: at least 1, or none")
