"""Which layers of a network to look at, and what counts as one of their neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError

Tokens = Literal["mean", "each", "heads"]
Steps = Literal["each", "last", "mean"]
NeuronValues = Literal["raw", "activated"]
Third = Literal["first", "middle", "last"]
THIRDS: tuple[Third, ...] = ("first", "middle", "last")


@dataclass(frozen=True)
class TapOptions(Checked):
    """Which layers, and what a neuron is.

    The choices narrow one another down: ``third="first"`` of all layers without the final one.

    Args:
        final: whether the last layer that runs, the classifier, is among them.
        names: these layers alone, as their module paths; a path stands for everything below it.
        excluded: none of these, likewise; such as the head of a detector.
        indices: these alone, counted from 0 among the layers that the other choices leave.
        third: one third of the depth.
        tokens: what a neuron of a layer over tokens ``[b, t, a]`` is: a feature, its mean over the
            tokens (``mean``); a feature of one token (``each``, for a fixed number of tokens); or,
            in attention, one head: the mean over tokens of the length of its output (``heads``).
        steps: what a neuron of a recurrent layer is: a hidden unit at one time step, every step a
            layer of its own (``each``); at the last step; or its mean over the steps.
        step_limit: sequences are cut, or filled up with zeros, to so many steps (``each``).
        values: of linear and convolutional layers: what the module gives (``raw``), or what the
            activation function behind it makes of that, where one runs before the next layer on
            as many neurons (``activated``); a function or a module alike.

    Raises:
        ImprintError: a value is impossible.
    """

    final: bool = True
    names: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    indices: Annotated[tuple[int, ...], Bounds(least=0)] = ()
    third: Third | None = None
    tokens: Tokens = "mean"
    steps: Steps = "each"
    step_limit: Annotated[int, Bounds(least=1)] = 32
    values: NeuronValues = "raw"


def choose_layers(names: tuple[str, ...], options: TapOptions) -> list[int]:
    """Return which of the layers, in order of their calls, the options choose.

    Args:
        names: of all layers, in the order in which an input passes them.
        options: the choice.

    Raises:
        ImprintError: a name or an index that no layer has, or nothing is left.

    >>> choose_layers(("conv1", "conv2", "fc1", "fc2"), TapOptions(final=False, names=("fc1",)))
    [2]
    """
    for path in (*options.names, *options.excluded):
        if not any(_is_below(name, path) for name in names):
            raise ImprintError(f"no layer {path!r}: the network runs {', '.join(names)}")
    chosen = list(range(len(names)))
    if options.names:
        chosen = [row for row in chosen if any(_is_below(names[row], p) for p in options.names)]
    chosen = [row for row in chosen if not any(_is_below(names[row], p) for p in options.excluded)]
    if not options.final:
        chosen = [row for row in chosen if row != len(names) - 1]
    if options.third is not None:
        chosen = thirds(chosen)[THIRDS.index(options.third)]
    for index in options.indices:
        if index >= len(chosen):
            raise ImprintError(f"no layer {index}: there are {len(chosen)}, counted from 0")
    if options.indices:
        chosen = [chosen[index] for index in sorted(set(options.indices))]
    if not chosen:
        raise ImprintError("no layer is left to read: choose fewer restrictions")
    return chosen


def thirds(chosen: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Return the first, middle and last third of some layers, sizes as even as they can be.

    >>> thirds([0, 1, 2, 3, 4])
    ([0, 1], [2, 3], [4])
    """
    count = len(chosen)
    ends = [-(-count * part // 3) for part in (1, 2)]
    return chosen[: ends[0]], chosen[ends[0] : ends[1]], chosen[ends[1] :]


def _is_below(name: str, path: str) -> bool:
    """Whether a layer is the module of that path, any call or step of it, or below it."""
    return name == path or name.startswith((f"{path}.", f"{path}#", f"{path}@"))
