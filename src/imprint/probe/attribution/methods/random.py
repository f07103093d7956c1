"""Random scores, the same for every input: the control that an attribution must differ from."""

from __future__ import annotations

import torch

from imprint.core.seeds import generator
from imprint.probe.attribution.layer_attribution import Question, Values, attributor


@attributor("random", "random scores, a control")
def random(question: Question) -> Values:
    """Return a uniform number in [0, 1) of each neuron, ``[b, width]`` by layer."""
    layers = question.outputs.layers(question.seen)
    scores: Values = {}
    for name, width in zip(layers.names, layers.widths, strict=True):
        draw = generator(question.options.seed, "random attribution", name).random(width)
        row = torch.from_numpy(draw).to(question.seen.values[name])
        scores[name] = row.expand(len(question.inputs), width)
    return scores
