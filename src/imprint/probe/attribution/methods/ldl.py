"""DeepLIFT by the rescale rule: multiplier · (z(x) − z(x′)) (Shrikumar et al. 2017, section 3).

Multipliers follow the graph of the pass itself (:mod:`imprint.probe.attribution.rescale`), so that
functional and shared non-linearities count like modules.
"""

from __future__ import annotations

from imprint.probe.attribution.layer_attribution import Question, Values, attributor
from imprint.probe.attribution.rescale import rescaled


@attributor("ldl", "DeepLIFT, rescale rule", complete=True)
def ldl(question: Question) -> Values:
    """Return the contributions of each unit's difference from the baseline."""
    return rescaled(question, question.start.expand_as(question.inputs))
