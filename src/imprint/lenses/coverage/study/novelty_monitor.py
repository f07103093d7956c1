"""A novelty monitor of a running network: its outputs unchanged, and the novelty of each input.

Only the layers that hold its neurons are tapped, and of a convolution only their channels, where
the memory order allows that without a copy of all.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.novelty import Novelty, SeenCells
from imprint.nets.checkpoint import read_weights, write_weights
from imprint.neurons.activations import Layers
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.json_io import read_json, write_json

PARTS = ("neurons", "thresholds", "codes", "counts")
READ_BY = ("tokens", "steps", "step_limit", "values")
"""Options that say what a neuron is; monitors of before lack the last."""


class NoveltyMonitor:
    """A network whose every output comes with the novelty of its input.

    Args:
        model: whatever takes inputs; in evaluation mode, its forward pass stays as it is.
        cells: that training inputs fell into.
        options: how neurons are read, as when the cells were made.

    Examples:
        >>> from imprint.neurons.activations import ActivationTable
        >>> from imprint.lenses.coverage.clusters.novelty import seen_cells
        >>> import numpy as np
        >>> model = nn.Linear(1, 1)
        >>> _ = nn.init.ones_(model.weight), nn.init.zeros_(model.bias)
        >>> table = ActivationTable(Layers(("",), (1,)), np.float32([[0.0], [0.2], [0.4], [2.0]]))
        >>> cells = seen_cells(table, np.array([0]), [np.array([1.0, 3.0])])
        >>> with NoveltyMonitor(model, cells) as monitor:
        ...     outputs, seen = monitor(torch.tensor([[0.5], [2.5], [3.5]]))
        >>> seen.novelty.tolist(), cells.inputs(seen.codes).tolist()
        ([0.0, 0.75, 1.0], [3, 1, 0])
    """

    def __init__(
        self, model: nn.Module, cells: SeenCells, options: TapOptions | None = None
    ) -> None:
        self.model = model
        self.cells = cells
        self.options = options or TapOptions()
        kinds = self.options
        self.taps = Taps(
            model,
            TapOptions(**{name: getattr(kinds, name) for name in READ_BY}),
            _columns(cells),
        )

    def __enter__(self) -> Self:
        self.taps.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.taps.__exit__(kind, error, trace)

    def __call__(self, *inputs: Any, **keywords: Any) -> tuple[Any, Novelty]:
        """Return the outputs of the network, and how novel each input is."""
        outputs = self.model(*inputs, **keywords)
        with torch.no_grad():
            values = self.taps.take().values
            if self.cells.codes.device != values.device:
                self.cells = self.cells.on(values.device)
            return outputs, self.cells.of(values)


def save_monitor(path: str | Path, monitor: NoveltyMonitor) -> None:
    """Write thresholds, neurons and cells to ``NAME.safetensors``, and ``NAME.json`` beside it.

    Raises:
        ImprintError: another suffix, a full disk, or a folder that cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ImprintError(f"a monitor is written as NAME.safetensors, not as {path.name}")
    cells, options = monitor.cells, monitor.options
    card = {
        "layers": {
            "names": list(cells.layers.names),
            "widths": list(cells.layers.widths),
            "kinds": list(cells.layers.kinds),
        },
        **{name: getattr(options, name) for name in READ_BY},
    }
    write_json(path.with_suffix(".json"), card)
    write_weights(path, {name: getattr(cells, name).cpu().contiguous() for name in PARTS})


def load_monitor(path: str | Path, model: nn.Module) -> NoveltyMonitor:
    """Return the monitor in a file, around a model.

    Raises:
        ImprintError: the file or its card cannot be read, or holds no monitor.
    """
    path = Path(path)
    card = path.with_suffix(".json")
    if not card.is_file():
        raise ImprintError(f"no card {card} beside the monitor: keep the two files together")
    stated, tensors = read_json(card), read_weights(path)
    if not isinstance(stated, dict):
        raise ImprintError(f"{card} must hold keys and values: write the monitor again")
    try:
        layers = Layers(*(tuple(stated["layers"][name]) for name in ("names", "widths", "kinds")))
        options = TapOptions(**{name: stated[name] for name in READ_BY if name in stated})
        cells = SeenCells(layers, *(tensors[name] for name in PARTS))
        return NoveltyMonitor(model, cells, options)
    except ImprintError:
        raise
    except Exception as error:  # tensors of other types and shapes raise what torch makes of them
        raise ImprintError(
            f"{path} holds no monitor ({type(error).__name__}: {error}): write it again"
        ) from error


def _columns(cells: SeenCells) -> dict[str, Tensor]:
    """Return which neurons to read of each layer, in ascending order."""
    neurons = cells.neurons.cpu()
    return {
        name: neurons[(neurons >= part.start) & (neurons < part.stop)] - part.start
        for name, part in cells.layers.slices.items()
    }
