"""How attacks do with more and more reference models, and from how many on more add nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.attack_kit.attack import ATTACKS
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.cohort.saturation import (
    ByReferences,
    Strength,
    by_references,
    choose_sizes,
    gains,
    over_targets,
    saturated_at,
)
from imprint.lenses.membership.study.cohort.answers import CohortTables
from imprint.lenses.membership.study.cohort.audit import draw_masks, take_cohort_signals
from imprint.lenses.membership.study.copies import distinct_pool
from imprint.lenses.membership.study.options import CohortChoice
from imprint.lenses.membership.study.series.kinds import STUDIES
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study_findings import (
    Gain,
    ReferencesAttack,
    ReferencesPoint,
    ReferencesStudy,
    Saturation,
)
from imprint.stats.estimate import Estimate, within_unit
from imprint.stats.tpr import LEAST_FALSE_POSITIVES
from imprint.study.counted import part_of
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

FPR = 0.01


@STUDIES.register("models")
def study_models(
    study: Study, images: ImageSet, options: StudyOptions, device: torch.device
) -> ReferencesStudy:
    """Train one cohort and attack each model of it with growing numbers of the others.

    Raises:
        ImprintError: masks that are not coins, no attack, or numbers that the cohort cannot give.
    """
    if options.masks != "coins":
        raise ImprintError(
            "in a part of a balanced cohort the number of models trained on a record reveals who "
            "was a member: choose --masks coins"
        )
    seed = options.seed
    choose_attacks(options.attacks)
    sizes = choose_sizes(options.models, options.values)
    pool = distinct_pool(images, options.records, options.population, seed)
    masks = draw_masks(options, len(pool.index), derive(seed, "cohort"))
    signals = take_cohort_signals(
        study, images, pool, masks, options, (derive(seed, "cohort"), seed), device
    )
    choice = part_of(options, CohortChoice)
    step = AttackByReferences(choice, sizes, options.subsets, seed, signals)
    return read_finding(ReferencesStudy, study.run(step))


@dataclass(frozen=True)
class AttackByReferences(Step):
    """Write ``by_references.json``, a :class:`ReferencesStudy`.

    Attributes:
        choice: of the cohort, its attacks and signals.
        sizes: numbers of references, rising.
        subsets: random choices of references for each target and number.
        seed: of the choices.
        signals: of the models.
    """

    choice: CohortChoice
    sizes: tuple[int, ...]
    subsets: int
    seed: int
    signals: CohortTables

    artefact = "by_references.json"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Every table of signals, and the masks."""
        return self.signals.artefacts

    def build(self, path: Path) -> None:
        """Attack and write the finding.

        Raises:
            ImprintError: every attack was skipped.
        """
        answers = self.signals.read()
        results = by_references(
            answers.cohort(),
            choose_attacks(self.choice.attacks),
            self.sizes,
            self.subsets,
            FPR,
            self.choice.attack_settings,
            answers.others(),
            self.seed,
        )
        if not results.strengths:
            reasons = "; ".join(f"{name} {reason}" for name, reason in results.skipped.items())
            raise ImprintError(f"no attack can be run: {reasons}")
        study = ReferencesStudy(
            models=len(answers.models),
            records=len(answers.pool.index),
            population=len(answers.pool.population),
            points=tuple(
                ReferencesPoint(
                    value=size,
                    name=f"{size} models",
                    attacks={
                        name: measure_attack_at(strength, place)
                        for name, strength in results.strengths.items()
                    },
                )
                for place, size in enumerate(results.sizes)
            ),
            saturation=find_saturation(results),
            skipped=results.skipped,
            accuracy=answers.accuracy(),
        )
        write_finding(path, study)


def find_saturation(results: ByReferences) -> dict[str, Saturation]:
    """Return where attacks that use references stop to gain, by name."""
    saturation = {}
    for name, strength in results.strengths.items():
        if ATTACKS.get(name).sides == "none":
            continue
        steps = gains(strength.auc, strength.auc_without)
        values = [
            over_targets(strength.auc[place], strength.auc_without[:, place])
            for place in range(len(results.sizes))
        ]
        enough = saturated_at(results.sizes, values, steps)
        saturation[name] = Saturation(
            enough or Missing("the last step still gains more than noise: train more models"),
            tuple(
                Gain(size, step.value, step.ci95, step.n)
                for size, step in zip(results.sizes[1:], steps, strict=True)
            ),
        )
    return saturation


def measure_attack_at(strength: Strength, place: int) -> ReferencesAttack:
    """Return the strength of an attack with the number of references at one place."""
    auc, tpr = strength.auc[place], strength.tpr[place]
    rate: Estimate | Missing = Missing(
        f"a model has too few non-members for {LEAST_FALSE_POSITIVES} expected false positives at "
        f"an FPR of {FPR:g}"
    )
    if np.isfinite(tpr).all():
        rate = within_unit(over_targets(tpr, strength.tpr_without[:, place]))
    return ReferencesAttack(
        within_unit(over_targets(auc, strength.auc_without[:, place])),
        {f"{FPR:g}": rate},
        float(auc.std(axis=0, ddof=1).mean()) if len(auc) > 1 else None,
    )
