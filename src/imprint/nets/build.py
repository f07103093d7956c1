"""One name, one network: imprint's own architectures, other libraries' and the user's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from imprint.errors import ImprintError
from imprint.nets.backbone import Backbone
from imprint.nets.foreign import FOREIGN, from_function
from imprint.nets.registry import ARCHITECTURES


def build_network(
    name: str,
    channels: int,
    outputs: int | None,
    input_size: int,
    options: Mapping[str, Any] | None = None,
) -> Backbone:
    """Return a network with fresh weights, drawn as torch does: whoever calls seeds them.

    Args:
        name: a registered architecture, ``timm:NAME``, ``torchvision:NAME``,
            ``transformers:FOLDER`` (which brings its weights), or ``package.module:function``,
            called with ``channels``, ``outputs``, ``input_size`` and the options.
        channels: of the images, 1 or 3.
        outputs: of the classifier, or None for a network that ends in its features.
        input_size: side of the images in pixels.
        options: further keyword arguments of the architecture.

    Raises:
        ImprintError: unknown name or option, a package that is missing, or sizes that do not fit.
    """
    options = dict(options or {})
    source, colon, rest = name.partition(":")
    if not colon:
        builder = ARCHITECTURES.get(name)
        _check_options(name, builder, options)
        return builder(channels, outputs, input_size, **options)
    if source in FOREIGN:
        return FOREIGN[source](rest, channels, outputs, input_size, options)
    return from_function(source, rest, channels, outputs, input_size, options)


def _check_options(name: str, builder: Any, options: Mapping[str, Any]) -> None:
    known = list(inspect.signature(builder).parameters)[3:]
    for option in options:
        if option not in known:
            raise ImprintError(
                f"architecture {name!r} has no option {option!r}; "
                f"it knows {', '.join(known) or 'none'}"
            )
