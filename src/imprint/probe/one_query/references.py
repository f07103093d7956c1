"""Reference models as functions with gradients: what both searches need of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.probe.signals.trajectory import Network


def check_references(
    references: Sequence[Network], members: Tensor, inputs: Tensor, labels: Tensor
) -> None:
    """Check that there are reference models, and a mask and a label for each record.

    Raises:
        ImprintError: there are not.
    """
    expected = (len(references), len(inputs))
    if not references or members.shape != expected or labels.shape != (len(inputs),):
        raise ImprintError(
            f"members must be [{expected[0]}, {expected[1]}], a row for each reference model (at "
            f"least one) and a column for each record, and labels [{expected[1]}]: got members "
            f"{list(members.shape)} and labels {list(labels.shape)}"
        )
    if not inputs.is_floating_point():
        raise ImprintError(f"inputs must be floats that can be moved a little, got {inputs.dtype}")


@contextmanager
def evaluation_mode(references: Sequence[Network]) -> Iterator[None]:
    """Put modules into evaluation mode and restore the mode they were in."""
    modules = [each for each in references if isinstance(each, nn.Module)]
    training = [module.training for module in modules]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for module, mode in zip(modules, training, strict=True):
            module.train(mode)
