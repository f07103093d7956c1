"""What the neurons of a module say: its output as one number per input and neuron."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from imprint.nets.backbone import Assembled
from imprint.nets.text.registry import mean_of_tokens
from imprint.probe.neurons.tap_options import TapOptions

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
ELIGIBLE = (nn.Linear, *CONVOLUTIONS, *RECURRENT, nn.MultiheadAttention)

FEW = 4
"""Channels that are averaged one by one, where each lies in one piece, rather than among all."""

Reduce = Callable[
    [nn.Module, tuple[Any, ...], Mapping[str, Any], Any, Tensor | None], Mapping[str, Tensor]
]
"""(module, arguments, keywords, output, present) → values ``[rows, width]`` by suffix of the name;
present, bool ``[b, t]``, says which tokens are no padding, None where nothing does."""


def reduction(module: nn.Module, options: TapOptions) -> Reduce:
    """Return how the output of a module becomes one number per input and neuron."""
    if isinstance(module, CONVOLUTIONS):
        return _channels
    if isinstance(module, RECURRENT):
        return lambda module, _, __, output, present: _hidden_units(
            module, output, options, present
        )
    if options.tokens == "heads" and head_count(module):
        return _heads
    if isinstance(module, nn.MultiheadAttention):
        return lambda _, __, ___, output, present: _features(
            _inputs_first(module, output[0]), options, present
        )
    return lambda _, __, ___, output, present: _features(output, options, present)


def _channels(
    module: nn.Module,
    arguments: tuple[Any, ...],
    keywords: Mapping[str, Any],
    output: Tensor,
    present: Tensor | None,
) -> dict[str, Tensor]:
    axes = list(range(2, output.ndim))
    return {"": output.detach().mean(axes, dtype=torch.float32)}


def some_channels(output: Tensor, columns: Tensor) -> Tensor:
    """Return the means over all places of some channels of a convolution, ``[rows, m]``."""
    axes = list(range(1, output.ndim - 1))
    if len(columns) > FEW or not (output.is_contiguous() or len(columns) == 1):
        return output.mean([axis + 1 for axis in axes], dtype=torch.float32)[:, columns]
    channels = [output.select(1, column) for column in columns.tolist()]
    means = [each.mean(axes, dtype=torch.float32) for each in channels]
    return means[0][:, None] if len(means) == 1 else torch.stack(means, dim=1)


def _features(output: Tensor, options: TapOptions, present: Tensor | None) -> dict[str, Tensor]:
    values = output.detach()
    if values.ndim == 2 or options.tokens == "each":
        # A copy: an activation behind the layer may work in place.
        return {"": values.flatten(1).to(torch.float32, copy=True)}
    if present is not None and present.shape == values.shape[:-1]:
        return {"": mean_of_tokens(values.float(), present)}
    return {"": values.mean(list(range(1, values.ndim - 1)), dtype=torch.float32)}


def _hidden_units(
    module: nn.Module, output: Any, options: TapOptions, present: Tensor | None
) -> dict[str, Tensor]:
    """Return the hidden units of a recurrent layer; steps behind the end of a sequence are 0."""
    assert isinstance(module, RECURRENT)
    states, lengths = output[0], None
    if isinstance(states, PackedSequence):
        states, lengths = pad_packed_sequence(states, batch_first=True)
        lengths = lengths.to(states.device)
    else:
        states = states if module.batch_first else states.transpose(0, 1)
    states = states.detach().to(torch.float32, copy=True)
    if lengths is None and present is not None and present.shape == states.shape[:-1]:
        lengths = (present * torch.arange(1, present.shape[1] + 1, device=present.device)).amax(1)
        lengths = lengths.clamp(min=1)
        states *= present[:, :, None]
    if options.steps == "each":
        missing = options.step_limit - states.shape[1]
        states = nn.functional.pad(states, (0, 0, 0, max(missing, 0)))
        return {f"@{step}": states[:, step] for step in range(options.step_limit)}
    if lengths is None:
        return {"": states[:, -1] if options.steps == "last" else states.mean(1)}
    if options.steps == "last":
        return {"": states[torch.arange(len(states), device=states.device), lengths - 1]}
    return {"": states.sum(1) / lengths[:, None]}


def _heads(
    module: nn.Module,
    arguments: tuple[Any, ...],
    keywords: Mapping[str, Any],
    output: Any,
    present: Tensor | None,
) -> dict[str, Tensor]:
    """Return the length of what each head says, its mean over the tokens, ``[b, heads]``."""
    if isinstance(module, nn.MultiheadAttention):
        head_output = _inputs_first(module, _unmixed(module)(*arguments, **keywords)[0])
    else:
        head_output = output[0] if isinstance(output, tuple) else output
    by_head = head_output.detach().float().reshape(*head_output.shape[:-1], head_count(module), -1)
    lengths = by_head.norm(dim=-1)
    if present is not None and present.shape == lengths.shape[:-1]:
        return {"": mean_of_tokens(lengths, present)}
    return {"": lengths.flatten(1, -2).mean(1)}


def head_count(module: nn.Module) -> int:
    """Return the heads of an attention whose output has them side by side; 0 for others."""
    if isinstance(module, nn.MultiheadAttention):
        return int(module.num_heads)
    count = getattr(module, "num_attention_heads", 0)
    return int(count) if isinstance(count, int) else 0


def _unmixed(attention: nn.MultiheadAttention) -> Callable[..., Any]:
    """Return the forward pass of an attention that leaves its heads side by side."""
    width = attention.embed_dim
    weight = attention.out_proj.weight
    plain = nn.Linear(width, width, device=weight.device, dtype=weight.dtype)
    nn.init.eye_(plain.weight)
    nn.init.zeros_(plain.bias)
    other = copy.copy(attention)
    other._modules = {**attention._modules, "out_proj": plain}
    return other.forward


def _inputs_first(attention: nn.MultiheadAttention, values: Tensor) -> Tensor:
    return values if attention.batch_first or values.ndim < 3 else values.transpose(0, 1)


def eligible_modules(model: nn.Module, options: TapOptions | None = None) -> dict[str, nn.Module]:
    """Return the modules that can have neurons, by path, in order of registration.

    The paths within an ``ImageModel`` are those of its checkpoint: of the network itself, then
    ``projector.…`` and ``head.…``.

    Args:
        model: any module.
        options: with ``tokens="heads"``, attention modules of other libraries are among them.
    """
    heads = options is not None and options.tokens == "heads"
    modules: dict[str, nn.Module] = {}
    for prefix, part in _parts(model).items():
        for path, module in part.named_modules():
            name = f"{prefix}.{path}".strip(".")
            if isinstance(module, ELIGIBLE) or (heads and head_count(module)):
                modules[name] = module
    return modules


def _parts(model: nn.Module) -> dict[str, nn.Module]:
    if not isinstance(model, Assembled):
        return {"": model}
    parts = {"": model.network.published, "projector": model.projector}
    return parts if model.head is None else {**parts, "head": model.head}
