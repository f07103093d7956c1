"""Which signals to take of each record, under which augmentations, with which settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from imprint.core.errors import ImprintError

Signal = Literal[
    "margin",
    "mentr",
    "correct",
    "probability",
    "log_curvature",
    "log_floor",
    "trace",
    "input_gradient",
    "parameter_gradient",
]
SIGNALS: tuple[Signal, ...] = get_args(Signal)
WHITE_BOX: frozenset[Signal] = frozenset({"trace", "input_gradient", "parameter_gradient"})
"""Signals that need gradients or features: of an ``ImageModel`` alone."""


@dataclass(frozen=True)
class SignalOptions:
    """Settings of a pass for signals; everything its tables depend on beside data and weights.

    Args:
        signals: ``margin`` φ (nats), ``mentr`` modified entropy (nats), ``correct`` (bool),
            ``probability`` of the true class, ``log_curvature`` zeroth-order (natural logarithm),
            ``log_floor`` the least value that takes, which is rounding, ``trace`` of the input
            Hessian, ``input_gradient`` and ``parameter_gradient`` norms of the loss gradient by the
            input and by the last layer. The loss is softplus(−margin).
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

    signals: tuple[Signal, ...] = ("margin", "mentr", "correct", "probability")
    augmentations: tuple[str, ...] = ("identity",)
    temperature: float = 1.0
    step: float = 1e-3
    probes: int = 10
    unit: Literal["normalised", "pixel"] = "normalised"
    trace: Literal["auto", "exact", "logits", "hutchinson"] = "auto"
    seed: int = 0
    storage: Literal["float32", "float16"] = "float32"

    def __post_init__(self) -> None:
        unknown = [signal for signal in self.signals if signal not in SIGNALS]
        if unknown or not self.signals:
            raise ImprintError(
                f"no signal {unknown[0] if unknown else ''!r}: choose some of {', '.join(SIGNALS)}"
            )
        if len(set(self.signals)) < len(self.signals):
            raise ImprintError(f"a signal stands twice in {', '.join(self.signals)!r}: drop one")
        if not self.temperature > 0:
            raise ImprintError(f"the temperature must be positive, got {self.temperature}")
        if not self.step > 0:
            raise ImprintError(f"the step of curvature must be positive, got {self.step}")
        if self.probes < 1:
            raise ImprintError(f"at least one probe is needed, got {self.probes}")
