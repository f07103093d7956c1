"""What classifiers of token ids can be built by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from imprint.core.registry import Registry

PADDING = 0
"""Id of the tokens behind the end of a text."""

TextBuilder = Callable[..., nn.Module]
"""``build(vocabulary: int, outputs: int, length: int, **options) -> nn.Module``; the network maps
int64 ``[b, t]`` to logits ``[b, outputs]``."""

TEXT_ARCHITECTURES: Registry[TextBuilder] = Registry("text architecture", "imprint.nets.text")


def mean_of_tokens(values: Tensor, present: Tensor) -> Tensor:
    """Return the mean over the tokens of each text, ``[b, width]``; 0 of a text without any.

    Args:
        values: ``[b, t, width]``.
        present: bool ``[b, t]``, which tokens are no padding.
    """
    weights = present.to(values.dtype)[:, :, None]
    return (values * weights).sum(1) / weights.sum(1).clamp(min=1)
