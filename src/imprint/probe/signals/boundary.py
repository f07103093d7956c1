"""How far records lie from the decision boundary, by hard labels alone.

HopSkipJump (Chen, Jordan, Wainwright 2020) walks along the boundary towards a record and asks a
classifier for nothing but its top class. The walk is that of the Adversarial Robustness Toolbox
(ART); from here come the answers, the start and the count of what was asked.

Three things differ from the library as it stands:

* The distance is that of the nearest input ever answered with another label. ART returns where
  its walk ends, one step off the boundary. So the distance is never less than the true one, and
  only falls with further questions.
* The start is drawn here. ART draws it from the entropy of the machine, and gives up on classes
  that noise is taken for, which then look as if they lay on the boundary.
* The walk ends where the allowed questions do. ART's own search for a step has no end where
  float32 leaves it no way to go.

Cost: the questions allowed, one forward pass each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import IntArray, Pixels
from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.core.errors import ImprintError
from imprint.core.extras import import_art
from imprint.core.progress import track
from imprint.core.seeds import derive, generator, numpy_global_seed
from imprint.nets.image_model import ImageModel
from imprint.probe.signals.precision import full_float32
from imprint.probe.signals.scorer import Forward, Scorer, dtype_of, forward_of
from imprint.study.tables import Table

Inputs = NDArray[np.float32]
Norm = Literal["l2", "linf"]

AT_ONCE = 128
"""Inputs a forward pass; fixed, so that what a record is asked does not depend on the machine."""


@dataclass(frozen=True)
class BoundarySearchOptions(Checked):
    """Settings of the search; everything distances depend on beside records and weights.

    Args:
        norm: of the distance and of the walk, in inputs of [0, 1]: ``l2`` or ``linf``.
        queries: answers that may be asked for about one record.
        iterations: steps of the walk, if the answers last.
        first_directions: random directions that the first step is estimated from, B₀; step t
            takes B₀ √t.
        most_directions: of any step.
        starts: images of uniform noise that are tried as a start, and after them as many others.
        seed: of start and directions, together with the index of the record.

    Raises:
        ImprintError: a value is impossible.
    """

    norm: Norm = "l2"
    queries: Annotated[int, Bounds(least=1)] = 1000
    iterations: Annotated[int, Bounds(least=1)] = 50
    first_directions: Annotated[int, Bounds(least=1)] = 100
    most_directions: int = 10_000
    starts: Annotated[int, Bounds(least=1)] = 20
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.most_directions < self.first_directions:
            raise OptionError.of(
                self, "most_directions", f"be at least first_directions ({self.first_directions})"
            )


def boundary_distances(
    model: ImageModel | Scorer,
    records: Pixels,
    labels: IntArray,
    indices: IntArray,
    others: Pixels,
    options: BoundarySearchOptions,
    device: torch.device,
    what: str = "distance to the boundary",
) -> Table:
    """Return how far each record lies from the decision boundary, and what that took.

    A record's row depends on the record, its index, the others, the model and the options, and
    neither on the other records nor on their order.

    Args:
        model: a classifier; a model is put in evaluation mode and on ``device`` here.
        records: uint8 ``[n, channels, H, W]``, at the size of the model.
        labels: int64 ``[n]``, the true classes.
        indices: int64 ``[n]``, what the records are called.
        others: uint8 ``[s, channels, H, W]``, images to start from where noise has the same label.
        options: of the search.
        device: where to compute.
        what: a few words for the progress bar.

    Returns:
        ``index`` int64; ``distance`` float64 in inputs of [0, 1], 0 where the label is wrong and
        NaN where no input of another label was found; ``queries`` int64, the answers asked for.

    Raises:
        ImprintError: ART is not installed, or the model answers with what is not finite.
    """
    import_art()
    if isinstance(model, ImageModel):
        model.place(device).eval()
    rows = list(zip(records, labels, indices, strict=True))
    distances, queries = [], []
    with full_float32(device), torch.inference_mode():
        for pixels, label, index in track(rows, what, len(rows), "record"):
            answers = _Answers(forward_of(model), dtype_of(model), device, pixels, label, options)
            with suppress(_NoMoreAnswers):
                _search(answers, others, int(index), options)
            distances.append(answers.distance)
            queries.append(answers.asked)
    return {
        "index": np.asarray(indices, dtype=np.int64),
        "distance": np.array(distances, dtype=np.float64),
        "queries": np.array(queries, dtype=np.int64),
    }


class _NoMoreAnswers(Exception):
    """The questions that are allowed were asked, or the walk has nothing sensible left to ask."""


class _Answers:
    """Answers about one record with hard labels; counts them, and keeps the nearest that differs.

    Attributes:
        record: float32 ``[channels, H, W]`` in [0, 1].
        asked: answers given so far.
        label: the true class.
        nearest: distance of the nearest input with another label, ∞ before there is one.
        outputs: classes of the model, known after the first answer.
    """

    def __init__(
        self,
        forward: Forward,
        dtype: torch.dtype,
        device: torch.device,
        pixels: Pixels,
        label: int,
        options: BoundarySearchOptions,
    ) -> None:
        self.record = pixels.astype(np.float32) / np.float32(255)
        self.label = label
        self.asked = 0
        self.nearest = np.inf
        self.outputs = 0
        self._forward, self._dtype, self._device = forward, dtype, device
        self._options = options

    @property
    def distance(self) -> float:
        """What is known of the distance so far; NaN while nothing is."""
        return float(self.nearest) if np.isfinite(self.nearest) else float("nan")

    def differ(self, inputs: Inputs) -> NDArray[np.bool_]:
        """Return whether inputs float32 ``[b, channels, H, W]`` get another label, bool ``[b]``."""
        return np.asarray(self.labels(inputs) != self.label)

    def one_hot(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return the labels as rows of zeros and a one, float32 ``[b, outputs]``."""
        return np.eye(self.outputs, dtype=np.float32)[self.labels(inputs)]

    def labels(self, inputs: Inputs) -> IntArray:
        """Return the labels of inputs, int64 ``[b]``.

        Raises:
            _NoMoreAnswers: more are asked for than are left, or inputs that are not numbers.
        """
        left = self._options.queries - self.asked
        allowed = inputs[:left]
        if not len(allowed) or np.isnan(allowed).any():
            raise _NoMoreAnswers
        labels = np.concatenate(
            [
                self._ask(allowed[start : start + AT_ONCE])
                for start in range(0, len(allowed), AT_ONCE)
            ]
        )
        self.asked += len(allowed)
        self._keep(allowed[labels != self.label])
        if len(allowed) < len(inputs):
            raise _NoMoreAnswers
        return labels

    def _ask(self, inputs: Inputs) -> IntArray:
        tensor = torch.from_numpy(np.ascontiguousarray(inputs)).to(self._device, self._dtype)
        logits = self._forward(tensor)
        if not bool(logits.isfinite().all()):
            raise ImprintError(
                "the network answers with logits that are not finite: check its weights and the "
                "normalisation"
            )
        self.outputs = logits.shape[1]
        return np.asarray(logits.argmax(dim=1).cpu().numpy())

    def _keep(self, inputs: Inputs) -> None:
        if len(inputs):
            moved = (inputs.astype(np.float64) - self.record).reshape(len(inputs), -1)
            order = 2 if self._options.norm == "l2" else np.inf
            self.nearest = min(self.nearest, np.linalg.norm(moved, order, axis=1).min())


def _search(answers: _Answers, others: Pixels, index: int, options: BoundarySearchOptions) -> None:
    """Ask about one record until the walk or the answers end."""
    if answers.differ(answers.record[None])[0]:
        return
    start = _start(answers, others, index, options)
    if start is not None:
        _walk(answers, start, index, options)


def _start(
    answers: _Answers, others: Pixels, index: int, options: BoundarySearchOptions
) -> Inputs | None:
    """Return an input with another label: noise, else another image; None when there is none."""
    random = generator(options.seed, "boundary start", index)
    for candidate in _candidates(random, answers.record.shape, others, options.starts):
        if answers.differ(candidate[None])[0]:
            return candidate
    return None


def _candidates(
    random: np.random.Generator, shape: tuple[int, ...], others: Pixels, count: int
) -> Iterator[Inputs]:
    for _ in range(count):
        yield random.random(shape, dtype=np.float32)
    for row in random.permutation(len(others))[:count]:
        yield others[row].astype(np.float32) / np.float32(255)


def _walk(answers: _Answers, start: Inputs, index: int, options: BoundarySearchOptions) -> None:
    """Let ART walk from the start towards the record."""
    from art.attacks.evasion import HopSkipJump
    from art.estimators.classification import BlackBoxClassifier

    classifier: Any = BlackBoxClassifier(
        answers.one_hot, answers.record.shape, answers.outputs, clip_values=(0.0, 1.0)
    )
    walk: Any = HopSkipJump(
        classifier,
        batch_size=options.most_directions,
        norm=2 if options.norm == "l2" else np.inf,
        max_iter=options.iterations,
        max_eval=options.most_directions,
        init_eval=options.first_directions,
        verbose=False,
    )
    own = np.eye(answers.outputs, dtype=np.float32)[[answers.label]]
    with numpy_global_seed(derive(options.seed, "boundary", index)):
        walk.generate(answers.record[None], own, x_adv_init=start[None])
