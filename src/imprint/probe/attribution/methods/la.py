"""Layer activation, z: how large a unit is, whatever the class."""

from __future__ import annotations

from imprint.probe.attribution.layer_attribution import Question, Values, attributor


@attributor("la", "layer activation")
def la(question: Question) -> Values:
    """Return the outputs of the layers."""
    return {name: value.detach() for name, value in question.seen.values.items()}
