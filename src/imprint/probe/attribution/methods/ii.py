"""Internal influence: the mean of ∂F/∂z over the path of inputs (Leino et al. 2018).

Not multiplied by z: how much a change of the unit would count, not how much its value does.
"""

from __future__ import annotations

from imprint.probe.attribution.layer_attribution import Question, Values, attributor
from imprint.probe.attribution.quadrature import gauss_legendre


@attributor("ii", "internal influence", from_baseline=True)
def ii(question: Question) -> Values:
    """Return the mean gradients; the passes are those of conductance."""
    if question.options.quadrature == "trapezoid":
        return question.even_path.mean_gradient
    nodes, weights = gauss_legendre(question.options.steps)
    return question.path(nodes, weights, ends=False).mean_gradient
