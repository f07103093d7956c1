"""What a signal is: a decorated function that scores the records of a batch, and its settings.

A signal is one function in any module of this package: it takes a :class:`RecordBatch` and returns
one value per record. The arguments of :func:`signal` are all that a pass, a membership audit and
its page know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal

import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.probe.signals.rademacher import rademacher
from imprint.probe.signals.scorer import Classifier

_MICRO_BATCH_VALUES = {"cpu": 3 * 2**15}
_MICRO_BATCH_VALUES_GPU = 2**24


@dataclass(frozen=True)
class SignalOptions(Checked):
    """Settings of a pass for signals; everything its tables depend on beside data and weights.

    Args:
        signals: names of registered signals; the loss of all of them is softplus(−margin).
        augmentations: names of :mod:`imprint.probe.signals.augmented`, the identity first.
        temperature: divides the logits before ``probability``.
        step: h of the zeroth-order curvature, in ``unit``.
        probes: random directions of ``log_curvature``, and of ``trace`` where it is not exact.
        unit: of pixels in steps and derivatives: ``normalised`` (one standard deviation of the
            network's normalisation) or ``pixel`` (inputs in [0, 1]).
        trace: ``exact``, ``logits`` (probes of the Gauss–Newton part), ``hutchinson``, or ``auto``:
            exact for piecewise-linear networks of up to 20 classes, logit probes for those of more,
            Hutchinson's for all others.
        seed: of the probes, which all models share.
        storage: ``float32``, or ``float16`` for ``margin``, ``log_curvature`` and its floor; other
            signals reach beyond what float16 resolves and stay float32.

    Raises:
        ImprintError: a value is impossible.
    """

    signals: tuple[str, ...] = ("margin", "mentr", "correct", "probability")
    augmentations: tuple[str, ...] = ("identity",)
    temperature: Annotated[float, Bounds(above=0)] = 1.0
    step: Annotated[float, Bounds(above=0)] = 1e-3
    probes: Annotated[int, Bounds(least=1)] = 10
    unit: Literal["normalised", "pixel"] = "normalised"
    trace: Literal["auto", "exact", "logits", "hutchinson"] = "auto"
    seed: int = 0
    storage: Literal["float32", "float16"] = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.signals:
            SIGNALS.get(name)
        if not self.signals:
            raise ImprintError(f"no signals: choose some of {', '.join(SIGNALS.names())}")
        if len(set(self.signals)) < len(self.signals):
            raise ImprintError(f"a signal is listed twice in {', '.join(self.signals)!r}: drop one")


@dataclass(frozen=True)
class RecordBatch:
    """Records under one augmentation, on the device, in the model's dtype.

    Attributes:
        classifier: the model.
        images: float ``[b, channels, H, W]`` in [0, 1], best channels last.
        labels: int64 ``[b]``, on the same device.
        indices: int64 ``[b]``, of the records in their set.
        augmentation: its name.
        options: settings of the signals.
    """

    classifier: Classifier
    images: Tensor
    labels: Tensor
    indices: IntArray
    augmentation: str
    options: SignalOptions

    @cached_property
    def logits(self) -> Tensor:
        """Logits ``[b, classes]`` on the CPU, in the model's dtype."""
        with torch.inference_mode():
            parts = [self.classifier.forward(part.images) for part in self.parts()]
        return torch.cat(parts).cpu()

    @property
    def rows(self) -> int:
        """Images a micro-batch: on a CPU few enough to stay in its caches."""
        values = _MICRO_BATCH_VALUES.get(self.images.device.type, _MICRO_BATCH_VALUES_GPU)
        return max(4, values // self.images[0].numel())

    def signs(self, purpose: str, count: int) -> Iterator[Tensor]:
        """Yield random signs int8 ``[b, count]`` of every probe."""
        for probe in range(self.options.probes):
            yield rademacher(
                self.options.seed, purpose, self.augmentation, probe, self.indices, count
            )

    def parts(self) -> Iterator[RecordBatch]:
        """Yield micro-batches of ``rows`` images."""
        for start in range(0, len(self.images), self.rows):
            part = slice(start, start + self.rows)
            yield replace(
                self, images=self.images[part], labels=self.labels[part], indices=self.indices[part]
            )


@dataclass(frozen=True)
class Signal:
    """One kind of signal.

    Attributes:
        name: in options and tables.
        compute: ``[b]`` of a batch, on any device.
        words: what a page calls it.
        kind: what attacks call it; empty for signals that no attack reads.
        table: folder of the table to which a membership audit writes it, one a pass: ``signals``
            of a forward pass, ``curvature`` and ``white_box`` on request; empty for none.
        queries: calls of the model that one view of one record costs, by the number of probes.
        is_white_box: whether it needs gradients or features, so an ``ImageModel``.
        has_pixel_unit: whether it depends on the unit of a pixel.
        storage: of its columns; ``chosen`` is that of the options.
    """

    name: str
    compute: Callable[[RecordBatch], Tensor]
    words: str
    kind: str
    table: str
    queries: Callable[[int], int]
    is_white_box: bool
    has_pixel_unit: bool
    storage: Literal["bool", "float32", "chosen"]


SIGNALS: Registry[Signal] = Registry("signal", "imprint.probe.signals", group="imprint.signals")


def signal(
    name: str,
    words: str,
    *,
    kind: str = "",
    table: str = "",
    queries: Callable[[int], int] = lambda probes: 1,
    is_white_box: bool = False,
    has_pixel_unit: bool = False,
    storage: Literal["bool", "float32", "chosen"] = "float32",
) -> Callable[[Callable[[RecordBatch], Tensor]], Callable[[RecordBatch], Tensor]]:
    """Return a decorator that registers a function as the signal ``name``; see :class:`Signal`."""

    def enter(compute: Callable[[RecordBatch], Tensor]) -> Callable[[RecordBatch], Tensor]:
        SIGNALS.register(name)(
            Signal(
                name, compute, words, kind, table, queries, is_white_box, has_pixel_unit, storage
            )
        )
        return compute

    return enter


def signals_of_table(table: str) -> tuple[str, ...]:
    """Return the names of the signals that a membership audit writes to one table."""
    return tuple(each.name for each in SIGNALS.entries() if each.table == table)


def signal_kinds() -> dict[str, Signal]:
    """Return the signals that attacks read, by what attacks call them."""
    return {each.kind: each for each in SIGNALS.entries() if each.kind}
