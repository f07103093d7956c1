"""Which layers of the user's model are observed, so that their activations stay within bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.options import LayerChoice
from imprint.lenses.coverage.study.inputs import tap_options
from imprint.nets.predictor.module import run
from imprint.neurons.activations import Layers
from imprint.observation.audited_model import AuditedModel
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions

MAX_ACTIVATION_BYTES = 2 << 30
"""Of the activations of all records, which are kept on the disk as float32."""
DISCOVERY_RECORDS = 2


@dataclass(frozen=True)
class ObservedLayers:
    """The layers that are observed.

    Attributes:
        taps: that observe them.
        layers: their names and widths.
        left_out: how many of the chosen layers are not, as all would be too large.
    """

    taps: TapOptions
    layers: Layers
    left_out: int


def find_layers(model: AuditedModel, options: LayerChoice) -> Layers | str:
    """Return the layers that a pass of two members runs, or why there are none to observe."""
    network = model.network
    assert network is not None
    rows = np.arange(min(DISCOVERY_RECORDS, len(model.members)))
    inputs = network.to_inputs(model.members.inputs.read(rows))
    try:
        with torch.no_grad(), Taps(network.module, tap_options(options)) as taps:
            run(network.module, inputs)
            return taps.take().layers
    except ImprintError as error:
        return str(error)


def choose_taps(model: AuditedModel, options: LayerChoice) -> ObservedLayers:
    """Return the layers that are observed: every one, or every second, third … from the last.

    Raises:
        ImprintError: the network has no layer to observe.
    """
    layers, taps = find_layers(model, options), tap_options(options)
    if isinstance(layers, str):
        raise ImprintError(layers)
    records = sum(map(len, model.parts.values()))
    chosen = fitting_layers(layers.widths, MAX_ACTIVATION_BYTES // (4 * records))
    if len(chosen) == len(layers.names):
        return ObservedLayers(taps, layers, 0)
    places = sorted(set(taps.indices)) or list(range(len(layers.names)))
    indices = tuple(places[row] for row in chosen)
    kinds = tuple(layers.kinds[row] for row in chosen) if layers.kinds else ()
    names = tuple(layers.names[row] for row in chosen)
    widths = tuple(layers.widths[row] for row in chosen)
    left_out = len(layers.names) - len(chosen)
    return ObservedLayers(replace(taps, indices=indices), Layers(names, widths, kinds), left_out)


def fitting_layers(widths: tuple[int, ...], most: int) -> list[int]:
    """Return layers, evenly from the last one back, that have at most so many neurons together.

    The last alone where no choice has.

    >>> fitting_layers((4, 4, 4, 4), 16), fitting_layers((4, 4, 4, 4), 9)
    ([0, 1, 2, 3], [1, 3])
    """
    count = len(widths)
    for stride in range(1, count + 1):
        chosen = list(range(count - 1, -1, -stride))[::-1]
        if sum(widths[row] for row in chosen) <= most:
            return chosen
    return [count - 1]
