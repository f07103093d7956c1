"""What an attribution to layers looks at, what it returns, and where attributions register.

With z_l(x) the raw output of layer l and F(x) the explained output of the network, each method
gives one number a unit of z_l and input, for every layer l from the same passes. A batch of
inputs is one :class:`Question`; passes that several methods need are made once a question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.quadrature import even_nodes
from imprint.probe.neurons.layer_outputs import LayerOutputs, Recorded

Values = dict[str, Tensor]
NO_BASELINE = (
    "inputs are whole numbers, which have no baseline to start from: choose la, lgc, lgxa or lrp"
)


@dataclass(frozen=True, eq=False)
class Path:
    """Sums along the straight line from the baseline to each input.

    Attributes:
        mean_gradient: ∫ ∂F/∂z dt, by layer.
        conductance: ∫ ∂F/∂z · dz/dt dt, by layer.
    """

    mean_gradient: Values
    conductance: Values


@dataclass(frozen=True, eq=False)
class Question:
    """Some inputs whose outputs are to be attributed; passes are made when first asked for.

    Attributes:
        outputs: the layers of the network, which asks for no gradient of its weights.
        inputs: ``[b, …]``.
        labels: int64 ``[b]``.
        ids: int64 ``[b]``, which inputs they are: everything random depends on these.
        baseline: ``[1, …]``, the input that says nothing; None of inputs that have none.
        pool: ``[p, …]``, baselines to draw from; the one baseline when None.
        options: of the attribution.
    """

    outputs: LayerOutputs
    inputs: Tensor
    labels: Tensor
    ids: Tensor
    baseline: Tensor | None
    pool: Tensor | None = None
    options: AttributionOptions = field(default_factory=AttributionOptions)

    @property
    def start(self) -> Tensor:
        """The baseline, where paths start, ``[1, …]``.

        Raises:
            ImprintError: there is none.
        """
        if self.baseline is None:
            raise ImprintError(NO_BASELINE)
        return self.baseline

    @cached_property
    def seen(self) -> Recorded:
        """The pass over the inputs, with its graph."""
        with torch.enable_grad():
            return self.outputs.run(self.inputs)

    @cached_property
    def unseen(self) -> Recorded:
        """The pass over the baseline, without graph; ``[1, …]`` each."""
        with torch.no_grad():
            return self.outputs.run(self.start)

    @cached_property
    def targets(self) -> Tensor | None:
        """The explained output of each input, int64 ``[b]``; None for the sum of all."""
        if self.options.target == "all":
            return None
        return self.labels if self.options.target == "true" else self.seen.logits.argmax(1)

    @cached_property
    def gradients(self) -> Values:
        """∂F/∂z at the inputs, by layer."""
        return slopes(self.seen, self.explained(self.seen.logits))

    def explained(self, logits: Tensor) -> Tensor:
        """Return F of each row, ``[rows]``; rows are the inputs, once or several times in turn."""
        if self.targets is None:
            return logits.sum(1)
        copies = len(logits) // len(self.targets)
        return logits.gather(1, self.targets.repeat(copies)[:, None])[:, 0]

    def difference(self) -> Tensor:
        """Return F(x) − F(x′) of each input, ``[b]``."""
        logits = self.unseen.logits.expand(len(self.inputs), -1)
        return (self.explained(self.seen.logits) - self.explained(logits)).detach()

    def at(self, share: Tensor, baselines: Tensor) -> tuple[Values, Values]:
        """Return z and ∂F/∂z at x′ + share (x − x′), by layer.

        Args:
            share: ``[k, b]``.
            baselines: x′, ``[1, …]`` or ``[k, b, …]``.

        Returns:
            two times ``[k, b, …]`` by layer.
        """
        count, rows = share.shape
        share = share.reshape(count, rows, *[1] * (self.inputs.ndim - 1)).to(self.inputs)
        points = (baselines + share * (self.inputs - baselines)).flatten(0, 1)
        with torch.enable_grad():
            recorded = self.outputs.run(points)
            gradients = slopes(recorded, self.explained(recorded.logits))
        shape = (count, rows)
        return (
            {name: split_rows(value.detach(), *shape) for name, value in recorded.values.items()},
            {name: split_rows(value, *shape) for name, value in gradients.items()},
        )

    def path(self, nodes: Tensor, weights: Tensor, ends: bool) -> Path:
        """Return the sums along the path.

        Args:
            nodes: ``[t]`` in [0, 1], rising.
            weights: ``[t]``, of the mean gradient.
            ends: whether conductance takes the mean gradient of both ends of an interval, else
                that of its start.
        """
        mean: Values = {}
        conductance: Values = {}
        last: tuple[Values, Values] | None = None
        for part in chunks(len(nodes), len(self.inputs), self.options.rows):
            share = nodes[part, None].expand(-1, len(self.inputs))
            values, gradients = self.at(share, self.start)
            for name, slope in gradients.items():
                scaled = torch.einsum("t,t...->...", weights[part].to(slope), slope)
                mean[name] = mean[name] + scaled if name in mean else scaled
                value = values[name]
                if last is not None:
                    value = torch.cat([last[0][name], value])
                    slope = torch.cat([last[1][name], slope])
                along = 0.5 * (slope[1:] + slope[:-1]) if ends else slope[:-1]
                step = ((value[1:] - value[:-1]) * along).sum(0)
                conductance[name] = conductance[name] + step if name in conductance else step
            last = (
                {name: value[-1:] for name, value in values.items()},
                {name: slope[-1:] for name, slope in gradients.items()},
            )
        return Path(mean, conductance)

    @cached_property
    def even_path(self) -> Path:
        """The path in even steps with both ends, by the trapezoid rule."""
        nodes, weights = even_nodes(self.options.steps)
        return self.path(nodes, weights, ends=True)

    @property
    def changes(self) -> Values:
        """z(x) − z(x′), by layer."""
        return {
            name: (value - self.unseen.values[name]).detach()
            for name, value in self.seen.values.items()
        }


@dataclass(frozen=True)
class Attributor:
    """One method of attribution to layers.

    Attributes:
        name: on the command line.
        title: in words.
        compute: the values of each layer, one a unit, ``[b, …]``, or one a neuron, ``[b, width]``.
        complete: whether the values of a layer that everything passes through add up to
            F(x) − F(x′).
        from_baseline: whether it starts from an input that says nothing, which whole numbers such
            as token ids have none of; whatever is complete does.
    """

    name: str
    title: str
    compute: Callable[[Question], Mapping[str, Tensor]]
    complete: bool = False
    from_baseline: bool = False


ATTRIBUTORS: Registry[Attributor] = Registry(
    "layer attribution", "imprint.probe.attribution.methods", group="imprint.attributions"
)


def attributor(
    name: str, title: str, *, complete: bool = False, from_baseline: bool = False
) -> Callable[[Callable[[Question], Values]], Callable[[Question], Values]]:
    """Return a decorator that registers a function as a method; see :class:`Attributor`."""

    def enter(compute: Callable[[Question], Values]) -> Callable[[Question], Values]:
        starts = complete or from_baseline
        ATTRIBUTORS.register(name)(Attributor(name, title, compute, complete, starts))
        return compute

    return enter


def slopes(recorded: Recorded, outputs: Tensor) -> Values:
    """Return the gradient of each row's output by the values of each layer; 0 where none flows."""
    gradients = torch.autograd.grad(
        outputs.sum(), list(recorded.values.values()), allow_unused=True, materialize_grads=True
    )
    return dict(zip(recorded.values, gradients, strict=True))


def chunks(count: int, inputs: int, rows: int) -> Iterator[slice]:
    """Yield parts of so many variants of some inputs, about ``rows`` rows each."""
    size = max(1, rows // max(1, inputs))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def split_rows(values: Tensor, variants: int, inputs: int) -> Tensor:
    """Return ``[variants · inputs, …]`` as ``[variants, inputs, …]``."""
    return values.reshape(variants, inputs, *values.shape[1:])
