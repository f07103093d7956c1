"""The model under audit at earlier epochs, for estimators that follow its training."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.checkpoint import read_weights
from imprint.nets.predictor.module import ModulePredictor
from imprint.nets.predictor.predictor import Predictor


def open_checkpoints(
    predictor: Predictor, sources: Sequence[Any], rates: Sequence[float] = ()
) -> tuple[tuple[Predictor, float], ...]:
    """Return the model at each checkpoint, with the learning rates until the next.

    Args:
        predictor: the model at the end of training.
        sources: earlier weights, in order: state dictionaries, modules, or files of weights.
        rates: sum of the learning rates of the steps from each to the next; 1 each where unknown.

    Raises:
        ImprintError: the model is no network, or weights that do not fit it.
    """
    if not sources:
        return ()
    if not isinstance(predictor, ModulePredictor):
        raise ImprintError(
            f"checkpoints are of a PyTorch network, and {predictor.name} is none: leave them out"
        )
    travelled = list(rates) or [1.0] * len(sources)
    if len(travelled) != len(sources):
        raise ImprintError(f"{len(sources)} checkpoints need as many rates, got {len(travelled)}")
    modules = [_at(predictor.module, source, row) for row, source in enumerate(sources)]
    return tuple(
        (replace(predictor, module=module), rate)
        for module, rate in zip(modules, travelled, strict=True)
    )


def _at(module: nn.Module, source: Any, row: int) -> nn.Module:
    """Return a copy of a network with other weights."""
    if isinstance(source, nn.Module):
        source = source.state_dict()
    elif isinstance(source, str | Path):
        source = read_weights(Path(source))
    if not isinstance(source, Mapping) or not all(isinstance(v, Tensor) for v in source.values()):
        raise ImprintError(
            f"checkpoint {row} is {type(source).__name__}: give a state dictionary, a module or a "
            "file of weights"
        )
    made = copy.deepcopy(module)
    try:
        made.load_state_dict(dict(source))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ImprintError(f"checkpoint {row} does not fit the model: {reason}") from error
    return made.eval()
