"""A network as a function of one vector of parameters, and products with its curvature.

H = (1/n) Σ ∇²loss_i, and its Gauss–Newton part G = (1/n) Σ J_iᵀ S_i J_i, S_i the Hessian of the
loss by the logits, which is positive semidefinite. Products with a vector take a forward and a
backward derivative, no matrix is formed; several vectors go through together, records in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor
from torch.func import functional_call, grad, jvp, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from imprint.probe.influence_kit.question import BATCH, Trained
from imprint.probe.influence_kit.record_gradients import trained_parameters

Curvature = Literal["gauss_newton", "hessian"]


AT_ONCE = 32
"""Vectors that go through together: more take memory and save nothing."""
KEPT_BATCHES = 8
"""Batches of a Gauss–Newton product whose forward pass is kept from one product to the next."""


@contextmanager
def plain_attention() -> Iterator[None]:
    """Let attention be computed step by step: the fused steps have no second derivatives."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def over_rows(call: Callable[..., Tensor], at_once: int, *rows: Tensor) -> Tensor:
    """Return what a function gives for each row, stacked; vectorised where the network allows."""
    try:
        results: Tensor = vmap(call, chunk_size=at_once)(*rows)
    except (RuntimeError, NotImplementedError, ValueError):  # what vmap cannot follow
        return torch.stack([call(*each) for each in zip(*rows, strict=True)])
    return results


class FlatParameters:
    """Losses of a network by its trained parameters θ ``[p]``.

    Args:
        trained: the network.
    """

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        named = trained_parameters(trained.network, trained.most_parameters)
        self._shapes = {name: weight.shape for name, weight in named.items()}
        self.theta = torch.cat([weight.detach().flatten() for weight in named.values()])

    def logits(self, theta: Tensor, inputs: Tensor) -> Tensor:
        """Return the logits of inputs at some parameters."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        parts = torch.split(theta, sizes)
        state = {
            name: part.view(shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }
        with plain_attention():
            logits: Tensor = functional_call(self.trained.network, state, (inputs,))
        return logits

    def losses(self, theta: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each row at some parameters, ``[b]``."""
        return self.trained.losses(self.logits(theta, inputs), labels)

    def gradients(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the gradient of each row's loss, ``[b, p]``."""

        def one(row: Tensor, label: Tensor) -> Tensor:
            of = grad(lambda theta: self.losses(theta, row[None], label[None])[0])
            slope: Tensor = of(self.theta)
            return slope

        return over_rows(one, BATCH, inputs, labels)

    def along(self, directions: Tensor) -> Tensor:
        """Return the slope of each record's loss along some directions ``[k, p]``, ``[n, k]``."""
        return torch.cat([self._along(directions, rows) for rows in self._batches()])

    def _along(self, directions: Tensor, rows: Tensor) -> Tensor:
        inputs, labels = self.trained.inputs[rows], self.trained.labels[rows]

        def one(direction: Tensor) -> Tensor:
            slope: Tensor = jvp(
                lambda theta: self.losses(theta, inputs, labels), (self.theta,), (direction,)
            )[1]
            return slope

        return over_rows(one, AT_ONCE, directions).T

    def product(
        self, kind: Curvature = "gauss_newton", rows: Tensor | None = None
    ) -> Callable[[Tensor], Tensor]:
        """Return the map of vectors ``[k, p]`` to their products with the curvature.

        Args:
            kind: the Gauss–Newton part or all of the Hessian.
            rows: int64 ``[b]``, records to average over; None for all.
        """
        batches = self._batches() if rows is None else (rows,)
        count = sum(map(len, batches))
        make_product = self._hessian if kind == "hessian" else self._gauss_newton
        if len(batches) <= KEPT_BATCHES:
            kept = [make_product(each) for each in batches]

            def together(vector: Tensor) -> Tensor:
                return torch.stack([call(vector) for call in kept]).sum(0) / count

            return lambda vectors: over_rows(together, AT_ONCE, vectors)

        def call(vectors: Tensor) -> Tensor:
            total = torch.zeros_like(vectors)
            for each in batches:
                total += over_rows(make_product(each), AT_ONCE, vectors)
            return total / count

        return call

    def _batches(self) -> tuple[Tensor, ...]:
        labels = self.trained.labels
        return torch.split(torch.arange(len(labels), device=labels.device), BATCH)

    def _hessian(self, rows: Tensor) -> Callable[[Tensor], Tensor]:
        inputs, labels = self.trained.inputs[rows], self.trained.labels[rows]
        slope = grad(lambda theta: self.losses(theta, inputs, labels).sum())

        def call(vector: Tensor) -> Tensor:
            product: Tensor = jvp(slope, (self.theta,), (vector,))[1]
            return product

        return call

    def _gauss_newton(self, rows: Tensor) -> Callable[[Tensor], Tensor]:
        inputs = self.trained.inputs[rows]

        def of(theta: Tensor) -> Tensor:
            return self.logits(theta, inputs)

        logits, back = vjp(of, self.theta)[:2]
        root = self.trained.curvature_root(logits)

        def call(vector: Tensor) -> Tensor:
            moved = jvp(of, (self.theta,), (vector,))[1]
            inner = torch.einsum("ncd,ned,ne->nc", root, root, moved)
            product: Tensor = back(inner)[0]
            return product

        return call
