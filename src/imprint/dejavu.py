"""Déjà vu memorization: does the background of a training image reveal its object?

Arrays in, findings out::

    from imprint import dejavu

    crops = dejavu.background_crops(sizes, boxes)         # what to embed of each image
    result = dejavu.two_model(public, public_labels, crops_target, crops_reference, labels)
    print(result)                                         # score, accuracies, categories
    result.findings.two_model["20"].score                 # an estimate with its interval
    result.categories, result.strength                    # of every image
    result.plot()

With one model, references that name the object from the background stand in for the second one:
:func:`naive_bayes` on tags, :func:`linear_head` on features, or any classifier of crops. They must
not be trained on the crops they predict: these two are cross-fitted, :func:`cross_fit` does it for
others. Names of arrays are those of
``imprint dejavu attack`` and ``imprint dejavu one-model``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.user_arrays import as_array, as_labels, as_numbers, as_whole
from imprint.data.boxes.background import background_rectangles as background_crops
from imprint.data.near_duplicates.arrays import near_duplicates
from imprint.data.near_duplicates.search import NearDuplicates
from imprint.data.tags.annotation import Tags
from imprint.data.tags.annotation import tags_from_words as tags
from imprint.data.tags.tag_table import tabulate_tags as tag_table
from imprint.lenses.dejavu.findings import OneModelFindings, TwoModelFindings
from imprint.lenses.dejavu.memorization.attack import Metric
from imprint.lenses.dejavu.memorization.calibration import Calibrated, calibrate
from imprint.lenses.dejavu.memorization.claims import rank_claims
from imprint.lenses.dejavu.memorization.cross_fit import FitAndPredict, cross_fit
from imprint.lenses.dejavu.memorization.naive_bayes import fit_naive_bayes, tag_counts
from imprint.lenses.dejavu.memorization.one_model import STRICTEST, explained
from imprint.lenses.dejavu.memorization.one_model import one_model as _one_model
from imprint.lenses.dejavu.memorization.references import combine, log_probabilities
from imprint.lenses.dejavu.memorization.two_model import (
    CATEGORIES,
    categories,
    memorization_strength,
)
from imprint.lenses.dejavu.memorization.votes import ClassVotes, vote
from imprint.lenses.dejavu.options import VoteChoice
from imprint.lenses.dejavu.pooled_result import PooledResult, pool
from imprint.lenses.dejavu.public_options import PublicChoice
from imprint.lenses.dejavu.study.arrays import (
    ONLY,
    OneModelArrays,
    TwoModelArrays,
    attacked_crops,
    guess_both,
    two_model_findings,
)
from imprint.lenses.dejavu.study.probe_arrays import LinearProbeResult, linear_probe
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Table
from imprint.stats.estimate import Estimate
from imprint.study.array_file import arrays_from
from imprint.train.linear_head import choose_strength, fit_linear_head

__all__ = [
    "CATEGORIES",
    "Calibrated",
    "ClassVotes",
    "Estimate",
    "LinearProbeResult",
    "Missing",
    "NearDuplicates",
    "OneModelResult",
    "PooledResult",
    "Tags",
    "TwoModelResult",
    "background_crops",
    "calibrate",
    "combine",
    "cross_fit",
    "linear_head",
    "linear_probe",
    "log_probabilities",
    "naive_bayes",
    "near_duplicates",
    "one_model",
    "pool",
    "tag_table",
    "tags",
    "two_model",
    "vote",
]


def __dir__() -> list[str]:
    """Return the public names alone, which a prompt completes."""
    return sorted(__all__)


@dataclass(frozen=True, repr=False, eq=False)
class TwoModelResult(Result):
    """A two-model test in one direction.

    Attributes:
        findings: by percentage of most confident images, with McNemar's test.
        index: int64 ``[n]``, the images.
        categories: int64 ``[n]``, the place of each image in :data:`CATEGORIES`.
        strength: float64 ``[n]``, target minus reference confidence in nats: how strongly a
            memorized image is memorized.
        target: votes under the target model.
        reference: votes under the reference model.
    """

    findings: TwoModelFindings
    index: IntArray
    categories: IntArray
    strength: FloatArray
    target: ClassVotes
    reference: ClassVotes

    def tables(self) -> Sequence[Table]:
        """Return the quantities, one column per percentage."""
        from imprint.lenses.dejavu.page.tables import two_model_table

        return [two_model_table(self.findings.two_model, title="Two-model déjà vu test")]

    def figures(self) -> Sequence[Figure]:
        """Return the shares of the categories, then the strength of memorized images."""
        from imprint.lenses.dejavu.page.figures import category_shares, strength_histogram

        return [
            category_shares(self.findings.two_model, "Shares of the images."),
            strength_histogram(
                self.categories, self.strength, "Images that one model alone got right."
            ),
        ]


@dataclass(frozen=True, repr=False, eq=False)
class OneModelResult(Result):
    """A one-model test.

    Attributes:
        findings: against every reference, on members and, where there are any, on non-members.
        index: int64 ``[n]``, the members.
        categories: int64 ``[n]`` by reference, the place of each member in :data:`CATEGORIES`.
        strength: float64 ``[n]`` by reference, in nats.
        rank: int64 ``[n]``, place of each member among the claimed ones, the most strongly
            memorized 0; −1 where nothing is claimed.
        explained: bool ``[n]``, members that every reference classifies correctly.
    """

    findings: OneModelFindings
    index: IntArray
    categories: Mapping[str, IntArray]
    strength: Mapping[str, FloatArray]
    rank: IntArray
    explained: BoolArray

    def tables(self) -> Sequence[Table]:
        """Return the score against every reference, then how far several agree."""
        from imprint.lenses.dejavu.page.tables import agreement_table, one_model_summary

        summary = one_model_summary(self.findings)
        return [summary, agreement_table(self.findings)] if self.findings.agreement else [summary]

    def figures(self) -> Sequence[Figure]:
        """Return categories and strength against the best reference."""
        from imprint.lenses.dejavu.page.figures import category_shares, strength_histogram

        best = self.findings.best
        return [
            category_shares(self.findings.against[best].test, "Shares of the images."),
            strength_histogram(
                self.categories[best],
                self.strength[best],
                "Images that model or reference alone got right.",
            ),
        ]


def two_model(
    public: ArrayLike,
    public_labels: ArrayLike,
    crops_target: ArrayLike,
    crops_reference: ArrayLike,
    labels: ArrayLike,
    *,
    public_reference: ArrayLike | None = None,
    index: ArrayLike | None = None,
    seen_px: ArrayLike | None = None,
    k: int = 100,
    voting: int = 0,
    metric: Metric = "l2",
    top_percent: Sequence[float] = (100, 20),
    top_classes: int = 1,
    seed: int = 0,
    device: DeviceName = "auto",
) -> TwoModelResult:
    """Run the two-model déjà vu test in one direction.

    The target model was trained on the images, the reference model was not. Each guesses the class
    of a background crop by the vote of the k public images nearest to it in its own embeddings.

    Args:
        public: ``[M, d]``, embeddings of public images under the target model.
        public_labels: int ``[M]``.
        crops_target: ``[n, d]``, embeddings of the background crops under the target model.
        crops_reference: ``[n, e]``, embeddings of the same crops under the reference model.
        labels: int ``[n]``, classes of the images.
        public_reference: ``[M, e]``, embeddings of the public images under the reference model; by
            default ``public``.
        index: int ``[n]``, indices of the images; by default their rows.
        seen_px: ``[n]``, side of the square of the original that the models see of each crop, in
            pixels: the score is then given by crop size as well (``findings.slices``).
        k: public neighbours that are searched.
        voting: how many of them vote; 0 for all.
        metric: distance between embeddings, ``l2`` or ``cosine``.
        top_percent: percentages of most confident images to report, in (0, 100].
        top_classes: a guess is right when the label is among this many most voted classes.
        seed: of the bootstrap.
        device: where neighbours are searched.

    Returns:
        A result that prints as a table; ``to_frame()``, ``plot()``.

    Raises:
        ImprintError: arrays that do not fit one another, or an option out of its range.

    References:
        Meehan et al. 2023, "Do SSL models have déjà vu?"

    Examples:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> labels = np.arange(60) % 3
        >>> public, public_labels = 3 * np.eye(3)[np.arange(300) % 3], np.arange(300) % 3
        >>> public = public + random.normal(size=(300, 3))
        >>> crops_target = np.eye(3)[labels] + random.normal(size=(60, 3))
        >>> crops_reference = random.normal(size=(60, 3))
        >>> result = two_model(public, public_labels, crops_target, crops_reference, labels, k=20)
        >>> result.findings.two_model["100"].score.value > 0.1
        True
        >>> result.categories.shape
        (60,)
    """
    named = _named(
        public=public, public_labels=public_labels, crops_target=crops_target,
        crops_reference=crops_reference, labels=labels, public_reference=public_reference,
        index=index, seen_px=seen_px,
    )  # fmt: skip
    arrays = arrays_from(TwoModelArrays, named)
    choice = VoteChoice(
        k=k, voting=voting, metric=metric, top_percent=tuple(top_percent), top_classes=top_classes
    )
    side = guess_both(arrays, choice, device)
    findings = two_model_findings(arrays, side, choice, seed)
    kinds = categories(side, top_classes).argmax(axis=1)
    strength = memorization_strength(side)
    return TwoModelResult(findings, side.index, kinds, strength, side.target, side.reference)


def one_model(
    public: ArrayLike | Path | None = None,
    public_labels: ArrayLike | None = None,
    crops_target: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    reference_probs: ArrayLike | Mapping[str, ArrayLike] | None = None,
    *,
    model: Any = None,
    members: Any = None,
    non_members: Any = None,
    public_part: str = "",
    index: ArrayLike | None = None,
    seen_px: ArrayLike | None = None,
    exclude_images: ArrayLike | None = None,
    calibrated: bool = True,
    k: int = 100,
    voting: int = 0,
    metric: Metric = "l2",
    top_percent: Sequence[float] = (100, 20),
    top_classes: int = 1,
    seed: int = 0,
    device: DeviceName = "auto",
) -> OneModelResult:
    """Run the one-model déjà vu test: a model against classifiers of backgrounds.

    Args:
        public: ``[M, d]``, embeddings of public images. With ``model``: the path of a folder or
            array file of images that vote in place of non-members, their classes matched by name.
        public_labels: int ``[M]``.
        crops_target: ``[n, d]``, embeddings of the background crops.
        labels: int ``[n]``, classes of the images.
        reference_probs: ``[n, C]``, class probabilities of a reference that was not trained on
            these crops, or several by name.
        model: instead of arrays, a network of your own: any ``torch.nn.Module`` on images, a folder
            of transformers, or a file of weights. Corners stand for backgrounds where images have
            no boxes; a quarter of the non-members is attacked for control, the others vote.
        members: bool ``[n]``, whether the model was trained on each image; by default on all.
            Where there are non-members, the score on them is the bias of the references. With
            ``model``: images it was trained on, of any source that :func:`imprint.audit` takes.
        non_members: with ``model``, images it was not trained on.
        public_part: with ``model``, part of ``public`` whose images vote, such as ``val``.
        index: int ``[n]``, indices of the images; by default their rows.
        seen_px: ``[n]``, side of the square of the original that the model sees of each crop, in
            pixels: the score is then given by crop size as well (``findings.slices``).
        exclude_images: indices of images to exclude from claims of memorization.
        calibrated: calibrate each reference by a temperature.
        k: public neighbours that are searched.
        voting: how many of them vote; 0 for all.
        metric: distance between embeddings, ``l2`` or ``cosine``.
        top_percent: percentages of most confident images to report, in (0, 100].
        top_classes: a guess is right when the label is among this many most voted classes.
        seed: of the bootstrap.
        device: where neighbours are searched.

    Returns:
        A result that prints as a table; ``to_frame()``, ``plot()``.

    Raises:
        ImprintError: no reference, arrays that do not fit one another, or an option out of its
            range.

    References:
        Kokhlikyan et al. 2024, "Measuring déjà vu memorization efficiently".

    Examples:
        >>> public, public_labels = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 2, 2]
        >>> crops_target, labels = [[0.1], [1.1], [2.4], [0.2]], [0, 1, 2, 1]
        >>> probabilities = [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]
        >>> result = one_model(public, public_labels, crops_target, labels, probabilities, k=1)
        >>> result.findings.claims
        Claims(memorized=2, excluded=0, claimed=2, listed=0)
        >>> [CATEGORIES[place] for place in result.categories["reference"]]
        ['correlated', 'memorized', 'memorized', 'forgotten']
    """
    choice = VoteChoice(
        k=k, voting=voting, metric=metric, top_percent=tuple(top_percent), top_classes=top_classes
    )
    if model is not None:
        elsewhere = public is None or isinstance(public, str | PathLike)
        if not elsewhere or members is None or non_members is None:
            raise ImprintError("give either arrays, or a model with its members and non-members")
        voters = PublicChoice(public=_path(public), public_part=public_part)
        settings = {**vars(choice), **vars(voters)}
        return _one_model_of(model, members, non_members, settings, seed, device)
    if isinstance(public, str | PathLike):
        raise ImprintError("public must be embeddings; a path of images needs a model")
    if reference_probs is None:
        raise ImprintError("give embeddings and reference_probs, or a model with its members")
    references = (
        reference_probs if isinstance(reference_probs, Mapping) else {ONLY: reference_probs}
    )
    if not references:
        raise ImprintError("the one-model test needs a reference: name at least one")
    first, *others = references
    named = _named(
        public=public, public_labels=public_labels, crops_target=crops_target, labels=labels,
        index=index, seen_px=seen_px, members=members, reference_probs=references[first],
    )  # fmt: skip
    named |= {
        f"reference_probs_{name}": as_array(references[name], f"reference {name}")
        for name in others
    }
    crops = attacked_crops("arrays", arrays_from(OneModelArrays, named), choice, device, first)
    exclude = None if exclude_images is None else as_whole(exclude_images, "exclude_images")
    result = _one_model(crops, choice.top_percent, top_classes, seed, calibrated, exclude)
    votes = result.members
    sides = {name: votes.side(name) for name in votes.names}
    return OneModelResult(
        result.findings,
        votes.index,
        {name: categories(side, top_classes).argmax(axis=1) for name, side in sides.items()},
        {name: memorization_strength(side) for name, side in sides.items()},
        rank_claims(sides[STRICTEST], top_classes, result.excluded),
        explained(votes, top_classes),
    )


def _path(public: Any) -> Path | None:
    return None if public is None else Path(public)


def _one_model_of(
    model: Any,
    members: Any,
    non_members: Any,
    settings: dict[str, object],
    seed: int,
    device: DeviceName,
) -> OneModelResult:
    """Return the test of a network by the audit of it."""
    from imprint.audits.own_audit import audit
    from imprint.study.tables import read_table

    result = audit(
        model,
        members,
        non_members,
        lenses="dejavu",
        records=0,
        analysis={"dejavu": settings},
        seed=seed,
        device=device,
    )
    table = read_table(result.study / "tables" / "one_model" / "records.parquet")
    findings: OneModelFindings = result.findings.dejavu
    return OneModelResult(
        findings,
        table["index"],
        {name: table[f"{name}_category"].astype(np.int64) for name in findings.against},
        {name: table[f"{name}_memorization"] for name in findings.against},
        table["rank"],
        table["explained"],
    )


def naive_bayes(
    tags: Tags,
    labels: ArrayLike,
    classes: int,
    *,
    smoothing: float = 1.0,
    folds: int = 5,
    seed: int = 0,
) -> FloatArray:
    """Return class probabilities of every crop under Naive Bayes on the tags of other crops.

    Args:
        tags: of every crop, from :func:`tags`.
        labels: int ``[n]``, class of every crop.
        classes: number of classes C.
        smoothing: added to every count, above 0.
        folds: parts the crops are split into, each predicted from the others; at least 2.
        seed: of the split.

    Returns:
        float64 ``[n, C]``, a reference of :func:`one_model`.

    Raises:
        ImprintError: not one label per crop, a label outside the classes, or no smoothing.

    Examples:
        >>> crops = tags([[("sea", 0.9)], [("sky", 0.8)]] * 5)
        >>> naive_bayes(crops, [0, 1] * 5, classes=2, folds=2).argmax(axis=1).tolist()
        [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    """
    own = as_labels(labels, len(tags), classes)

    def fit_and_predict(rows: IntArray, predicted: IntArray, name: str, seed: int) -> FloatArray:
        counts = tag_counts(tags.rows(rows), own[rows], classes)
        crops = np.bincount(own[rows], minlength=classes)
        model = fit_naive_bayes(tags.vocabulary, counts, crops, smoothing)
        return model.log_posterior(tags.rows(predicted)).astype(np.float64)

    return _cross_fitted(fit_and_predict, len(tags), own, folds, seed)


def linear_head(
    features: ArrayLike, labels: ArrayLike, classes: int, *, folds: int = 5, seed: int = 0
) -> FloatArray:
    """Return class probabilities of every crop under a linear head fitted to other crops.

    Args:
        features: ``[n, d]``, of the crops under a network that was not trained on the images.
        labels: int ``[n]``, class of every crop; at least two classes.
        classes: number of classes C.
        folds: parts the crops are split into, each predicted from the others; at least 2.
        seed: of the split.

    Returns:
        float64 ``[n, C]``, a reference of :func:`one_model`.

    Raises:
        ImprintError: not one label per row, or more folds than crops.

    Examples:
        >>> import numpy as np
        >>> labels = np.arange(40) % 2
        >>> noise = 0.1 * np.sin(np.arange(80)).reshape(-1, 2)
        >>> features = np.stack([labels, 1 - labels], axis=1) + noise
        >>> bool((linear_head(features, labels, classes=2).argmax(axis=1) == labels).all())
        True
    """
    rows_of = as_numbers(features, "features")
    if rows_of.ndim != 2 or not rows_of.size or not np.isfinite(rows_of).all():
        raise ImprintError(
            f"features must be finite [crops, features], got shape {list(rows_of.shape)}"
        )
    own = as_labels(labels, len(rows_of), classes)
    if len(np.unique(own)) < 2:
        raise ImprintError("all crops are of one class: a linear head needs crops of two or more")
    strength = choose_strength(rows_of, own, classes, seed)

    def fit_and_predict(rows: IntArray, predicted: IntArray, name: str, seed: int) -> FloatArray:
        head = fit_linear_head(rows_of[rows], own[rows], classes, strength)
        return head.log_probabilities(rows_of[predicted])

    return _cross_fitted(fit_and_predict, len(rows_of), own, folds, seed)


def _cross_fitted(
    fit_and_predict: FitAndPredict, count: int, labels: IntArray, folds: int, seed: int
) -> FloatArray:
    rows = cross_fit(fit_and_predict, np.ones(count, dtype=bool), labels, folds, 1, seed)
    probabilities = np.exp(rows)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def _named(**arrays: ArrayLike | None) -> dict[str, NDArray[Any]]:
    return {name: as_array(array, name) for name, array in arrays.items() if array is not None}
