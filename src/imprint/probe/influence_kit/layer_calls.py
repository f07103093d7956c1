"""What goes into the layers of a network and the gradients by what comes out, in one pass.

For the layers that most networks consist of, that is all a gradient by record needs: a linear layer
or a convolution at T places sums δ_t a_tᵀ over them, a normalisation multiplies by what it
normalised, an embedding adds δ_t to the row of token t.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imprint.probe.influence_kit.layer_gradients import Dense, LayerGradients, Outer

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True, eq=False)
class Places:
    """A layer of weights at T places: what went in and the slopes by what came out.

    Attributes:
        inputs: a, ``[n, T, inputs]``; with a last column of ones for a bias.
        slopes: δ, ``[n, T, outputs]``.
    """

    inputs: Tensor
    slopes: Tensor

    def gradients(self) -> LayerGradients:
        """Return the gradients, summed over places."""
        if self.inputs.shape[1] == 1:
            return Outer(self.inputs[:, 0], self.slopes[:, 0])
        return Dense(self.slopes.mT @ self.inputs)


@dataclass(frozen=True, eq=False)
class Call:
    """One run of a layer: its input and the slopes by its output."""

    layer: nn.Module
    inputs: Tensor
    slopes: Tensor


def is_known(layer: nn.Module) -> bool:
    """Return whether the gradients of a layer follow from what goes in and out."""
    if isinstance(layer, (nn.Conv1d, nn.Conv2d)):
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.Embedding):
        return layer.max_norm is None and not layer.scale_grad_by_freq
    return isinstance(layer, (nn.Linear, *NORMS))


def record_calls(
    network: nn.Module,
    layers: Sequence[nn.Module],
    inputs: Tensor,
    scalars: Callable[[Tensor], Tensor],
) -> Mapping[nn.Module, list[Call]]:
    """Return the calls of some layers; one forward and one backward pass.

    Args:
        network: maps inputs ``[b, …]`` to outputs ``[b, c]``, row by row.
        layers: to look at.
        inputs: ``[b, …]``.
        scalars: maps outputs ``[b, c]`` to ``[b]``, row by row.
    """
    seen: list[tuple[nn.Module, Tensor, Tensor]] = []

    def keep(layer: nn.Module, arguments: tuple[Any, ...], result: Tensor) -> Tensor:
        seen.append((layer, arguments[0].detach(), result))
        # A copy goes on: what follows may overwrite it, and the slope is by what came out here.
        return result.clone()

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.enable_grad():
            total = scalars(network(inputs)).sum()
    finally:
        for handle in handles:
            handle.remove()
    results = [result for _, _, result in seen]
    slopes = torch.autograd.grad(total, results, allow_unused=True) if results else ()
    calls: dict[nn.Module, list[Call]] = {layer: [] for layer in layers}
    for (layer, given, result), slope in zip(seen, slopes, strict=True):
        known = torch.zeros_like(result) if slope is None else slope
        calls[layer].append(Call(layer, given, known))
    return calls


def layer_gradients(calls: Sequence[Call]) -> LayerGradients:
    """Return the gradients of a layer, ``[outputs, inputs]`` each, summed over its calls.

    The bias is a last column, of a normalisation a second row.
    """
    if len(calls) == 1:
        return _of_call(calls[0])
    return Dense(torch.stack([_of_call(call).written().values for call in calls]).sum(0))


def places_of(call: Call) -> Places | None:
    """Return the places of a linear layer or a convolution without groups; None of others."""
    layer = call.layer
    if isinstance(layer, nn.Linear):
        inputs, slopes = call.inputs, call.slopes
        flat = inputs.reshape(len(inputs), -1, inputs.shape[-1])
        return Places(
            _with_one(flat, layer.bias), slopes.reshape(len(slopes), -1, slopes.shape[-1])
        )
    if isinstance(layer, (nn.Conv1d, nn.Conv2d)) and layer.groups == 1:
        patches = _patches(layer, call.inputs).mT
        return Places(_with_one(patches, layer.bias), call.slopes.flatten(2).mT)
    return None


def _of_call(call: Call) -> LayerGradients:
    layer, slopes = call.layer, call.slopes
    places = places_of(call)
    if places is not None:
        return places.gradients()
    if isinstance(layer, (nn.Conv1d, nn.Conv2d)):
        return _grouped(layer, call.inputs, slopes)
    if isinstance(layer, nn.Embedding):
        return _of_embedding(layer, call.inputs, slopes)
    return _of_norm(layer, call.inputs, slopes)


def _patches(layer: nn.Conv1d | nn.Conv2d, inputs: Tensor) -> Tensor:
    """Return what each place of a convolution sees, ``[n, inputs · kernel, T]``."""
    options: tuple[Any, ...] = (layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    if isinstance(layer, nn.Conv1d):
        inputs = inputs[:, :, None]
        neutral = (1, 1, 0, 1)
        options = tuple((each, *size) for each, size in zip(neutral, options, strict=True))
    return F.unfold(inputs, *options)


def _grouped(layer: nn.Conv1d | nn.Conv2d, inputs: Tensor, slopes: Tensor) -> Dense:
    patches, count = _patches(layer, inputs), layer.groups
    by_group = patches.reshape(len(patches), count, -1, patches.shape[2])
    flat = slopes.flatten(2)
    split = flat.reshape(len(flat), count, -1, flat.shape[2])
    gradients = (split @ by_group.mT).flatten(1, 2)
    if layer.bias is None:
        return Dense(gradients)
    return Dense(torch.cat([gradients, slopes.flatten(2).sum(2)[:, :, None]], 2))


def _of_embedding(layer: nn.Embedding, tokens: Tensor, slopes: Tensor) -> Dense:
    count, (rows, width) = len(tokens), layer.weight.shape
    flat, given = tokens.reshape(count, -1), slopes.reshape(count, -1, width)
    if layer.padding_idx is not None:
        given = given * (flat != layer.padding_idx)[..., None]
    gradients = given.new_zeros(count, rows, width)
    return Dense(gradients.scatter_add_(1, flat[..., None].expand(-1, -1, width), given))


def _of_norm(layer: nn.Module, inputs: Tensor, slopes: Tensor) -> Dense:
    if isinstance(layer, nn.LayerNorm):
        normed = F.layer_norm(inputs, layer.normalized_shape, None, None, layer.eps)
        kept = len(layer.normalized_shape)
        deep = _deep(normed, slopes, kept)
        normed, slopes = (each.flatten(-kept).flatten(1, -2) for each in deep)
        sums = [(normed * slopes).sum(1), slopes.sum(1)]
    else:
        if isinstance(layer, nn.GroupNorm):
            normed = F.group_norm(inputs, layer.num_groups, None, None, layer.eps)
        else:
            assert isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d))
            mean, variance = layer.running_mean, layer.running_var
            normed = F.batch_norm(inputs, mean, variance, None, None, False, 0.0, layer.eps)
        sums = [each[:, :, None].flatten(2).sum(2) for each in (normed * slopes, slopes)]
    return Dense(torch.stack(sums if layer.bias is not None else sums[:1], 1))


def _deep(normed: Tensor, slopes: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """Return both with at least one axis between records and what is normalised."""
    if normed.ndim == kept + 1:
        return normed[:, None], slopes[:, None]
    return normed, slopes


def _with_one(values: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return values
    return torch.cat([values, values.new_ones(*values.shape[:-1], 1)], -1)
