"""How attacks do on models trained on few and on many records.

A size m is a cohort on 2m records, each in half of the models: as many members as non-members, and
references trained on as much as the target. The records of a size are among those of every larger
one.

Records may also be taken in an order, of difficulty say. The order alone separates the first m,
which a model is trained on, from the next m: that measures difficulty, whatever was learnt. So
three numbers stand side by side: ``order``, such a model attacked on the first 2m; ``control``, a
cohort on the same 2m records by independent coins, where only membership can be inferred;
``difficulty``, how well the loss of models that never saw a record separates the first m from the
next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings
from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort
from imprint.lenses.membership.cohort.references import MIN_RECORDS, Cohort
from imprint.lenses.membership.cohort.stored_signals import whole
from imprint.lenses.membership.findings import BothSides, Evaluation
from imprint.lenses.membership.study.cohort.answers import CohortTables
from imprint.lenses.membership.study.cohort.audit import take_cohort_signals
from imprint.lenses.membership.study.copies import distinct_pool
from imprint.lenses.membership.study.model_signals import ModelSignals, make_evidence
from imprint.lenses.membership.study.options import CohortChoice
from imprint.lenses.membership.study.orders import read_order
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.series.kinds import STUDIES
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.series.points import (
    cohort_point,
    point_folder,
    point_masks,
    point_seed,
)
from imprint.lenses.membership.study.trials import list_trials
from imprint.lenses.membership.study_findings import CohortPoint, OrderPoint, SizeStudy
from imprint.study.counted import part_of
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.train.cohort.masks import Masks, ordered_subsets

ORDERED_TARGETS = 4
"""Models trained on the very same first records, to average over what training draws."""


@STUDIES.register("size")
def study_sizes(
    study: Study, images: ImageSet, options: StudyOptions, device: torch.device
) -> SizeStudy:
    """Train and attack one cohort a size, and with an order two more.

    Raises:
        ImprintError: sizes that the images cannot give, or an order that does not fit.
    """
    pool = distinct_pool(images, options.records, options.population, options.seed)
    index, order = pool.index, None
    if options.order is not None:
        order = read_order(options.order, images)
        order = order[np.isin(order, index)]
        order = order[::-1] if options.hardest_first else order
        index = np.sort(order)
    sizes = choose_set_sizes(len(index), options.values)
    mixed = generator(options.seed, "sizes").permutation(index)
    points: list[CohortPoint | OrderPoint] = []
    for size in sizes:
        part = RecordPool(index=np.sort(mixed[: 2 * size]), population=pool.population)
        point = cohort_point(study, images, part, f"size {size}", size, options, device)
        points.append(replace(point, records_are="random"))
    if order is not None:
        for size in sizes:
            points += ordered_points(study, images, order[: 2 * size], pool, options, device)
    return SizeStudy(points=tuple(points))


def choose_set_sizes(records: int, wanted: Sequence[float]) -> list[int]:
    """Return the sizes of the training sets, rising: those wanted, or 1/8, 1/4, 1/2 of the records.

    >>> choose_set_sizes(800, ())
    [100, 200, 400]

    Raises:
        ImprintError: a size that is not whole, or more than half of the records.
    """
    least = MIN_RECORDS // 2
    for size in wanted:
        if size != int(size) or not least <= size <= records // 2:
            raise ImprintError(
                f"a training set of {size:g} records needs as many non-members: of {records} "
                f"records, choose whole numbers from {least} to {records // 2}"
            )
    sizes = sorted({int(size) for size in wanted} or {records // part for part in (8, 4, 2)})
    if sizes[0] < least:
        raise ImprintError(f"{records} records are too few for a study of sizes: give more images")
    return sizes


def ordered_points(
    study: Study,
    images: ImageSet,
    order: IntArray,
    whole: RecordPool,
    options: StudyOptions,
    device: torch.device,
) -> tuple[CohortPoint, OrderPoint]:
    """Return the control on the first 2m records of an order, and what the order itself shows.

    Signals of both are taken with the seed of the control: its models and those of the order are
    probed alike.
    """
    size = len(order) // 2
    pool = RecordPool(index=np.sort(order), population=whole.population)
    first = np.isin(pool.index, order[:size])
    control, name = f"size {size} control", f"size {size} order"
    seed = point_seed(options, control)
    coins = cohort_point(study, images, pool, control, size, options, device)
    masks = {control: point_masks(options, control, pool), name: repeat(first, ORDERED_TARGETS)}
    training = {control: derive(seed, "cohort"), name: derive(seed, "ordered")}
    signals = {
        point: take_cohort_signals(
            study,
            images,
            pool,
            mask,
            options,
            (training[point], seed),
            device,
            folder=point_folder(point),
        )
        for point, mask in masks.items()
    }
    step = AttackOrdered(
        size, part_of(options, CohortChoice), options.seed, signals[name], signals[control]
    )
    ordered = read_finding(OrderPoint, study.run(step))
    return replace(coins, records_are="control"), ordered


@dataclass(frozen=True)
class AttackOrdered(Step):
    """Attack models trained on the first records of an order; write an :class:`OrderPoint`.

    Attributes:
        size: m, of the training set.
        choice: of the cohort, its attacks and signals.
        seed: of halves and of the bootstrap.
        ordered: signals of models trained on the first m of the 2m records.
        control: of models trained on coins, which are the references.
    """

    size: int
    choice: CohortChoice
    seed: int
    ordered: CohortTables
    control: CohortTables

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """The file of the point."""
        return f"{self.ordered.folder}/membership.json"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Every table of signals, and the masks."""
        return (*self.control.artefacts, *self.ordered.artefacts)

    def build(self, path: Path) -> None:
        """Attack and write the point."""
        point = attack_ordered(
            self.size,
            self.ordered.read().models,
            self.control.read().models,
            self.control.masks,
            self.ordered.masks[0],
            choose_attacks(self.choice.attacks),
            self.choice.attack_settings,
            self.seed,
        )
        write_finding(path, point)


def attack_ordered(
    size: int,
    targets: Sequence[ModelSignals],
    references: Sequence[ModelSignals],
    masks: BoolArray,
    first: BoolArray,
    attacks: Sequence[Attack],
    settings: AttackSettings,
    seed: int,
) -> OrderPoint:
    """Return what attacks make of models trained on the first records of an order.

    Args:
        size: of the training set.
        targets: answers of the models that were trained on the first records.
        references: of the control's models.
        masks: bool ``[K, N]``, who of these was trained on what.
        first: bool ``[N]``.
        attacks: which.
        settings: of them.
        seed: of halves and of the bootstrap.
    """
    evidences = [make_evidence(target, references, masks) for target in targets]
    evaluations, skipped = {}, {}
    for trial in list_trials(attacks, evidences[0]):
        visible = [trial.restrict(each) for each in evidences]
        reason = trial.attack.missing(visible[0])
        if reason is not None:
            skipped[trial.name] = reason
            continue
        scores = np.stack([trial.attack.score(each, settings) for each in visible])
        members = np.tile(first, (len(scores), 1))
        evaluations[trial.name] = evaluate_cohort(scores, members, seed=seed)
    correct = np.stack([target.correct for target in targets])
    return OrderPoint(
        value=size,
        name=f"size {size} order",
        records_are="order",
        measures="difficulty",
        models=len(targets),
        records=2 * size,
        attacks=evaluations,
        skipped=skipped,
        difficulty=evaluate_difficulty(evidences[0].reference_models.cohort, first, seed),
        accuracy=BothSides(float(correct[:, first].mean()), float(correct[:, ~first].mean())),
    )


def evaluate_difficulty(cohort: Cohort, first: BoolArray, seed: int) -> Evaluation:
    """Return how well the mean loss of OUT models separates the first records from the others.

    No model that enters was trained on the record it speaks of: there is no membership in it.
    """
    outside = ~cohort.members
    known = outside.any(axis=0)
    total = (whole(cohort.values("loss"))[:, 0] * outside).sum(axis=0)
    loss = total[known] / outside.sum(axis=0)[known]
    return evaluate(-loss, first[known], seed=seed)


def repeat(first: BoolArray, count: int) -> Masks:
    """Return masks of ``count`` models that are all trained on the same first records."""
    order = np.argsort(~first, kind="stable")
    return ordered_subsets(order, [int(first.sum())] * count)
