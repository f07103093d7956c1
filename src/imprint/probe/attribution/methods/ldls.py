"""DeepLIFT-SHAP: the mean of DeepLIFT over random baselines (Lundberg and Lee 2017, section 4.2).

With the one baseline that says nothing it is DeepLIFT; a pool of images makes it a method of its
own.
"""

from __future__ import annotations

from imprint.probe.attribution.layer_attribution import Question, Values, attributor
from imprint.probe.attribution.methods.ldl import ldl
from imprint.probe.attribution.random_baselines import draw_baselines
from imprint.probe.attribution.rescale import rescaled


@attributor("ldls", "DeepLIFT-SHAP", from_baseline=True)
def ldls(question: Question) -> Values:
    """Return the mean of ``samples`` contributions, each from a baseline of the input's own."""
    if question.pool is None:
        return ldl(question)
    drawn = draw_baselines(question, question.pool, "ldls")
    total: Values = {}
    for baselines in drawn:
        for name, value in rescaled(question, baselines).items():
            total[name] = total[name] + value if name in total else value
    return {name: value / len(drawn) for name, value in total.items()}
