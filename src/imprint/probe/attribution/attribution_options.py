"""Settings of the attribution of an output to the neurons of every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked

Target = Literal["true", "predicted", "all"]
Reduction = Literal["sum", "mean", "max_abs"]
Sign = Literal["signed", "abs", "positive"]
Quadrature = Literal["trapezoid", "gauss_legendre"]
Rule = Literal["epsilon0", "epsilon", "gamma", "alpha2_beta1", "alpha3_beta2", "composite"]


@dataclass(frozen=True)
class AttributionOptions(Checked):
    """How outputs are attributed to neurons."""

    target: Target = "true"
    """Output that is explained: of the given class, of the class the network names, or the sum of
    all outputs."""
    reduce: Reduction = "sum"
    """Over the places of a channel or the tokens of a feature."""
    sign: Sign = "signed"
    """Of each value before it is reduced: as it is, its size, or its positive part."""
    steps: Annotated[int, Bounds(least=1)] = 50
    """Intervals of a path from the baseline to the input (lc, ii, lig)."""
    quadrature: Quadrature = "trapezoid"
    """Of the path: even steps with both ends, or the nodes that Captum takes, which lose the ends
    of a conductance."""
    samples: Annotated[int, Bounds(least=1)] = 5
    """Random points of a path (lgs) or random baselines (ldls) an input."""
    rule: Rule = "epsilon0"
    """Of lrp: epsilon0 is gradient × activation; composite is gamma in the lower third of the
    layers, epsilon in the middle and epsilon0 on top."""
    channels: Annotated[int | None, Bounds(least=1)] = None
    """Channels that lfa takes away in each layer, drawn at random; all when None."""
    rows: Annotated[int, Bounds(least=1)] = 256
    """Inputs a pass where a method shows many variants of each; changes nothing but memory."""
    seed: int = 0
    """Of everything random."""
