"""Grad-CAM per channel, w_j · mean z_j with w_j the mean of ∂F/∂z_j over places.

Selvaraju et al. 2017 add the channels up to one map, w_1 z_1 + w_2 z_2 + …, which says nothing of
a single channel: its terms are kept apart here. No ReLU is taken.
"""

from __future__ import annotations

from torch import Tensor

from imprint.probe.attribution.layer_attribution import Question, Values, attributor


@attributor("lgc", "Grad-CAM a channel")
def lgc(question: Question) -> Values:
    """Return one value per neuron, ``[b, width]``."""
    return {
        name: _mean(question, name, question.seen.values[name].detach())
        * _mean(question, name, slope)
        for name, slope in question.gradients.items()
    }


def _mean(question: Question, name: str, values: Tensor) -> Tensor:
    by_neuron = values.movedim(question.outputs.axis(name), 1)
    return by_neuron if by_neuron.ndim == 2 else by_neuron.flatten(2).mean(2)
