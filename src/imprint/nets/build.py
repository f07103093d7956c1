"""One name, one network: imprint's own architectures, other libraries' and the user's."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from imprint.core.errors import ImprintError, reason_of
from imprint.nets import group_norm
from imprint.nets.backbone import Backbone
from imprint.nets.registry import ARCHITECTURES, LIBRARIES, Builder
from imprint.nets.wrapped import from_function

FIXED = ("channels", "outputs", "input_size")


def build_network(
    name: str,
    channels: int,
    outputs: int | None,
    input_size: int,
    options: Mapping[str, Any] | None = None,
    output: str = "",
) -> Backbone:
    """Return a network with fresh weights, drawn by torch's global generator.

    Args:
        name: a registered architecture, ``timm:NAME``, ``torchvision:NAME``,
            ``transformers:FOLDER`` (the folder's own weights with the option ``pretrained=true``
            alone), or ``package.module:function``, called with those of ``channels``,
            ``outputs`` and ``input_size`` that it takes, and the options.
        channels: of the images.
        outputs: of the classifier, or None for a network that ends in its features.
        input_size: side of the images in pixels.
        options: further keyword arguments of the architecture; text such as ``"64"`` or
            ``"true"``, as the command line gives it, is read as the value it stands for.
        output: which entry of what a user's network returns is its output; empty to find it
            (:mod:`imprint.nets.outputs`).

    Raises:
        ImprintError: unknown name or option, a package that is missing, or sizes that do not fit.
    """
    source, colon, rest = name.partition(":")
    options = options or {}
    if output and (not colon or source in LIBRARIES.names()):
        raise ImprintError(
            f'{name} returns a single tensor: leave --output {output} ("output" on the card) out'
        )
    if not colon:
        builder = ARCHITECTURES.get(name)
        values = _read_options(name, builder, options)
        try:
            return builder(channels, outputs, input_size, **values)
        except ImprintError:
            raise
        except Exception as error:  # sizes that do not fit raise what the layer makes of them
            reason = reason_of(error)
            raise ImprintError(
                f"cannot build {name} for {channels} channels and {input_size} pixels with "
                f"{values or 'its own options'} ({reason}): change them"
            ) from error
    values = {option: _read_text(value) for option, value in options.items()}
    if name == group_norm.ARCHITECTURE:
        return _with_group_norm(channels, outputs, input_size, **values)
    if source in LIBRARIES.names():
        return LIBRARIES.get(source)(rest, channels, outputs, input_size, values)
    return from_function(source, rest, channels, outputs, input_size, values, output)


def _with_group_norm(
    channels: int, outputs: int | None, input_size: int, of: str = "patch_convnet", **options: Any
) -> Backbone:
    """Return the architecture ``of`` with fresh weights and group normalisation."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in options.items()
    }
    network = build_network(of, channels, outputs, input_size, texts)
    return group_norm.replace_batch_norm(network)


def _read_options(name: str, builder: Builder, options: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = inspect.signature(builder, eval_str=True).parameters
    kinds = {key: part.annotation for key, part in parameters.items() if key not in FIXED}
    values = {}
    for option, text in options.items():
        if option not in kinds:
            raise ImprintError(
                f"architecture {name!r} has no option {option!r}; "
                f"it has: {', '.join(kinds) or 'none'}"
            )
        kind = kinds[option]
        value = text if kind is str else _read_text(text)
        if type(value) is not kind:
            raise ImprintError(
                f"option {option!r} of architecture {name!r} must be {kind.__name__}, got {text!r}"
            )
        values[option] = value
    return values


def _read_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
