"""What every model under audit offers, whatever it is made of.

A model of which nothing but its outputs is known is a :class:`Predictor`; a PyTorch network is a
:class:`NetworkPredictor` as well, which has features, activations and gradients. Each kind of model
is one file here that registers how it is recognised (:data:`ADAPTERS`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.core.registry import Registry

OutputKind = Literal["logits", "probabilities", "values", "losses"]
"""What a model returns: logits or probabilities ``[b, classes]``, real values ``[b]`` or ``[b, d]``
of regression, or its loss on each record ``[b]``."""


@runtime_checkable
class Predictor(Protocol):
    """A model that answers inputs with outputs."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    @property
    def kind(self) -> OutputKind:
        """What it returns."""
        ...

    def fingerprint(self) -> str:
        """Return a hash of what its outputs depend on."""
        ...

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return the outputs of some records.

        Args:
            inputs: ``[b, …]``.
            targets: of the same records; only models that return losses look at them.

        Returns:
            float ``[b, outputs]``, or ``[b]`` of losses.

        Raises:
            ImprintError: the model does not take these inputs, or returns what it must not.
        """
        ...


@runtime_checkable
class NetworkPredictor(Predictor, Protocol):
    """A PyTorch network."""

    @property
    def module(self) -> nn.Module:
        """The network, on its device in evaluation mode, called with :meth:`to_inputs`."""
        ...

    def to_inputs(self, inputs: NDArray[Any]) -> Tensor:
        """Return inputs ``[b, …]`` as the network takes them, on its device."""
        ...

    def to_outputs(self, result: Any) -> Tensor:
        """Return the outputs ``[b, outputs]`` among what the network returned, differentiable."""
        ...


@dataclass(frozen=True)
class ModelSettings:
    """What a user may have to say of a model.

    Attributes:
        kind: what it returns; None to find out.
        device: where a network goes.
        output: index or key of the output in what a network returns; empty to find it.
        name: what to call it in reports; empty for its type or file.
        arch: of a file of weights: an architecture, or ``package.module:function`` that returns
            the network; empty where the file or its card says it.
        card: values that replace those of the card of a file of weights, or make one up.
    """

    kind: OutputKind | None = None
    device: torch.device = torch.device("cpu")  # noqa: RUF009  # immutable
    output: str = ""
    name: str = ""
    arch: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = get_args(OutputKind)
        if self.kind is not None and self.kind not in kinds:
            raise ImprintError(
                f"the model is said to return {self.kind!r}: it must be {', '.join(kinds)}"
            )


@dataclass(frozen=True)
class Adapter:
    """How one kind of model becomes a predictor.

    Attributes:
        recognises: whether an object is of this kind; looks at types and names of files alone, and
            imports nothing heavy.
        adapt: returns the predictor.
        order: the lowest is asked first.
        words: what models these are.
    """

    recognises: Callable[[Any], bool]
    adapt: Callable[[Any, ModelSettings], Predictor]
    order: int
    words: str


ADAPTERS: Registry[Adapter] = Registry(
    "kind of model", "imprint.nets.predictor", group="imprint.models"
)


def as_predictor(model: Any, settings: ModelSettings | None = None) -> Predictor:
    """Return any model as a predictor.

    Args:
        model: a network, a function, an estimator, a file, or a predictor.
        settings: what the user says of it.

    Raises:
        ImprintError: no such kind of model, or one that cannot be used.
    """
    if isinstance(model, Predictor):
        return model
    adapters = sorted(ADAPTERS.entries(), key=lambda adapter: adapter.order)
    for adapter in adapters:
        if adapter.recognises(model):
            return adapter.adapt(model, settings or ModelSettings())
    known = "; ".join(adapter.words for adapter in adapters)
    raise ImprintError(
        f"cannot audit a model of type {type(model).__name__}: give {known}, or a function that "
        "returns the outputs of a batch"
    )


def classes_of(predictor: Predictor) -> tuple[str, ...]:
    """Return what the outputs of a model stand for, in their order; empty where it does not say."""
    return tuple(getattr(predictor, "classes", ()))


def image_size_of(predictor: Predictor) -> int | None:
    """Return the side of the images that a network takes; None where it does not say."""
    size = getattr(getattr(predictor, "module", None), "input_size", None)
    return size if isinstance(size, int) else None
