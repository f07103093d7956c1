"""The label-only attack in a membership audit: on some of the records, by many calls for each.

An attack by hard labels queries the model a thousand times for one record, so it is run on fewer
records than all others. Its finding stands beside theirs, apart from the best attack and the
exposure list, which compare attacks on the same records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.extras import import_art
from imprint.core.seeds import derive, generator
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Attack, AttackSettings, Evidence
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.findings import LABEL_ONLY, LabelOnlyFinding
from imprint.lenses.membership.study.model_signals import unmeasured_kinds
from imprint.lenses.membership.study.models import Model
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.lenses.membership.study.records import AttackedRecords
from imprint.lenses.membership.study.trials import (
    AttackTrial,
    run_trials,
    standard_controls,
)
from imprint.probe.signals.boundary import BoundarySearchOptions, boundary_distances
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import Table, read_table, write_table

NO_COUNT = "queries the model a thousand times per record: say how many with --label-only N"
DISTANCE = "distance"
KEPT_EVERY = 32
"""Records after which distances are kept, for a search that is cut short."""


def wants_labels(options: MembershipOptions) -> bool:
    """Return whether the label-only attack is among those chosen."""
    return bool({LABEL_ONLY, "all"} & set(options.attacks))


def attacks_of_every_record(options: MembershipOptions) -> list[Attack]:
    """Return the chosen attacks that are run on every record.

    Raises:
        ImprintError: an unknown attack, or none is left.
    """
    chosen = choose_attacks(options.attacks, unmeasured_kinds(options))
    others = [attack for attack in chosen if attack.name != LABEL_ONLY]
    if not others:
        raise ImprintError(
            f"{LABEL_ONLY} is run on --label-only N of the records: choose another attack as well"
        )
    return others


def check_labels(options: MembershipOptions, records: AttackedRecords) -> None:
    """Check early what would otherwise fail hours later.

    Raises:
        ImprintError: no such attack, or the attack by labels cannot be run.
    """
    attacks_of_every_record(options)
    if options.label_only:
        import_art()
        boundary_search(options)
        sample_records(records, options.label_only, options.seed)


def boundary_search(options: MembershipOptions) -> BoundarySearchOptions:
    """Return the settings of the search for the boundary."""
    seed = derive(options.seed, "boundary")
    return BoundarySearchOptions(queries=options.label_only_queries, seed=seed)


def sample_records(records: AttackedRecords, count: int, seed: int) -> AttackedRecords:
    """Return a random part of the attacked records, as many members as non-members.

    The population stays: a search may start from its images.

    Args:
        records: that are attacked.
        count: how many to take at most.
        seed: of the draw.

    Raises:
        ImprintError: fewer than two of each would be left.
    """
    random = generator(seed, LABEL_ONLY)
    sides = [np.flatnonzero(side) for side in (records.members, ~records.members)]
    half = min(count // 2, *map(len, sides))
    if half < 2:
        raise ImprintError(f"--label-only {count} is too few: choose 4 records or more, or 0")
    rows = np.concatenate([np.sort(random.permutation(side)[:half]) for side in sides])
    return replace(records, index=records.index[rows], members=records.members[rows])


@dataclass(frozen=True)
class BoundaryDistances(Step):
    """The distances of records to one model's decision boundary: index, distance, queries.

    Attributes:
        model: the network.
        records: whose distances.
        others: where searches may start.
        boundary: settings of the search.
        device: where to compute.
    """

    model: Model
    records: View
    others: View
    boundary: BoundarySearchOptions
    device: torch.device = uncounted()

    resumable = True

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """``tables/distance/MODEL.parquet``."""
        return f"tables/{DISTANCE}/{self.model.name}.parquet"

    def build(self, path: Path) -> None:
        """Measure the distances that are missing, and keep them every few records."""
        network = self.model.load()
        records, others = (view.read(network.input_size) for view in (self.records, self.others))
        index = self.records.index
        tables = [read_table(path)] if path.exists() else []
        done = len(tables[0]["index"]) if tables else 0
        for start in range(done, len(index), KEPT_EVERY):
            part = slice(start, start + KEPT_EVERY)
            tables.append(
                boundary_distances(
                    network,
                    records.pixels[part],
                    records.labels[part],
                    index[part],
                    others.pixels,
                    self.boundary,
                    self.device,
                    f"{DISTANCE} of {self.model.name}, records from {start} of {len(index)}",
                )
            )
            joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
            write_table(path, joined)


def distance_steps(
    study: Study,
    models: Sequence[Model],
    images: ImageSet,
    records: AttackedRecords,
    options: BoundarySearchOptions,
    device: torch.device,
) -> tuple[str, ...]:
    """Measure the distances of every model that has none yet; return the names of the tables.

    Args:
        study: where tables go.
        models: the networks.
        images: the joined set.
        records: of it.
        options: of the search.
        device: where to compute.
    """
    # A search starts from no more of them than that.
    starts = generator(options.seed, "boundary others").permutation(records.population)
    others = np.sort(starts[: options.starts])
    attacked, apart = (
        View(images, index, records.centre_fraction) for index in (records.index, others)
    )
    steps = [BoundaryDistances(model, attacked, apart, options, device) for model in models]
    for step in steps:
        study.run(step)
    return tuple(step.artefact for step in steps)


def attack_labels(
    study: Study,
    artefacts: Sequence[str],
    records: AttackedRecords,
    settings: AttackSettings,
    seed: int,
) -> tuple[FloatArray, LabelOnlyFinding]:
    """Return the score of each record, float64 ``[n]``, and what the scores show.

    Args:
        study: holds the tables.
        artefacts: distances of the network, then of an untrained one if there are controls.
        records: that are attacked by labels.
        settings: of attacks.
        seed: of halves and controls.
    """
    tables: list[Table] = [read_table(study.path(name)) for name in artefacts]
    evidence, *untrained = [Evidence({DISTANCE: table["distance"][None]}) for table in tables]
    members, queries = records.members, tables[0]["queries"]

    scores, findings = run_trials(
        [AttackTrial(LABEL_ONLY, ATTACKS.get(LABEL_ONLY))],
        evidence,
        members,
        settings,
        seed,
        standard_controls(evidence, members, settings, seed, *untrained) if untrained else None,
        {DISTANCE: int(queries.max())},
    )
    return scores[LABEL_ONLY], LabelOnlyFinding(
        **vars(findings.attacks[LABEL_ONLY]),
        mean_queries=float(queries.mean()),
        no_boundary=int(np.isnan(tables[0]["distance"]).sum()),
    )
