"""Networks built for a file of weights hold no more than the file, give or take.

A card may state a width of a billion. Memory that is taken is filled only as parameters are
initialised, so counting them as they are registered stops in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from imprint.core.errors import ImprintError

SPARE_NUMBERS = 2_000_000
SPARE_TENSORS = 2_000
TIMES = 4


@contextmanager
def bounded_by(weights: Mapping[str, Tensor], what: str) -> Iterator[None]:
    """Stop what builds a network of many times the numbers, or tensors, of a file of weights.

    Args:
        weights: of the file.
        what: the network, for the message.

    Raises:
        ImprintError: it would be larger than :data:`TIMES` × the file and the spare ones.
    """
    most = TIMES * sum(tensor.numel() for tensor in weights.values()) + SPARE_NUMBERS
    most_tensors = TIMES * len(weights) + SPARE_TENSORS
    numbers = tensors = 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal numbers, tensors
        if parameter is None:
            return
        numbers, tensors = numbers + parameter.numel(), tensors + 1
        if numbers > most or tensors > most_tensors:
            raise ImprintError(
                f"{what} is much larger than the file of weights: correct its sizes and options"
            )

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    except RuntimeError as error:  # torch cannot take the memory of one tensor
        raise ImprintError(
            f"cannot build {what} ({str(error).splitlines()[0]}): correct its sizes and options"
        ) from error
    finally:
        handle.remove()
