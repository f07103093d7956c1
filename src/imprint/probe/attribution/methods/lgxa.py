"""Gradient × activation, z · ∂F/∂z (after Shrikumar et al. 2016, in layer space)."""

from __future__ import annotations

from imprint.probe.attribution.layer_attribution import Question, Values, attributor


@attributor("lgxa", "gradient × activation")
def lgxa(question: Question) -> Values:
    """Return the products; one forward and one backward pass for all layers."""
    return {
        name: question.seen.values[name].detach() * slope
        for name, slope in question.gradients.items()
    }
