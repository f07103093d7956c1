"""Conductance: the sum of ∂F/∂z · Δz over the path of inputs (Dhamdhere et al. 2019)."""

from __future__ import annotations

from imprint.probe.attribution.layer_attribution import Question, Values, attributor
from imprint.probe.attribution.quadrature import gauss_legendre


@attributor("lc", "conductance", complete=True)
def lc(question: Question) -> Values:
    """Return the sums; the passes are those of internal influence."""
    if question.options.quadrature == "trapezoid":
        return question.even_path.conductance
    nodes, weights = gauss_legendre(question.options.steps + 1)
    return question.path(nodes, weights, ends=False).conductance
