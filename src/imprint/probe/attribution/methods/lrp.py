"""Layer-wise relevance propagation (Bach et al. 2015; Montavon et al. 2019).

With ε → 0 on linear, convolution, pooling and batch-norm layers and the identity through ReLU, the
relevance of a layer is its gradient × activation: that is rule ``epsilon0``, also for networks
with other non-linearities, where it is a definition. The other rules change how linear and
convolutional layers share relevance out (:mod:`imprint.probe.attribution.relevance`). Rules that
differ in the share of *input pixels* alone (z-B, flat at the first layer) are none here: relevance
at the outputs of the layers does not depend on them.
"""

from __future__ import annotations

import torch

from imprint.probe.attribution.layer_attribution import Question, Values, attributor, slopes
from imprint.probe.attribution.methods.lgxa import lgxa
from imprint.probe.attribution.relevance import Relevance


@attributor("lrp", "layer-wise relevance propagation")
def lrp(question: Question) -> Values:
    """Return the relevance of each unit, that of the explained output being its logit."""
    if question.options.rule == "epsilon0":
        return lgxa(question)
    with torch.enable_grad():
        with Relevance(question.options.rule, len(question.seen.values)):
            recorded = question.outputs.run(question.inputs)
        factors = slopes(recorded, question.explained(recorded.logits))
    return {name: recorded.values[name].detach() * factor for name, factor in factors.items()}
