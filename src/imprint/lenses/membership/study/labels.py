"""The label-only attack in a membership audit: on some of the records, by many answers of each.

An attack by hard labels asks about a record a thousand times, so it is run on fewer records than
all others. Its finding stands beside theirs: neither the best attack nor the exposure list, which
compare attacks on the same records, know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.attack.attack import ATTACKS, Attack, Evidence
from imprint.lenses.membership.attack.options import AttackOptions
from imprint.lenses.membership.attack.run import choose_attacks
from imprint.lenses.membership.findings import LABEL_ONLY, LabelOnlyFinding
from imprint.lenses.membership.study.models import Model
from imprint.lenses.membership.study.options import MembershipOptions
from imprint.lenses.membership.study.records import Records
from imprint.lenses.membership.study.signals import kinds_left_out
from imprint.lenses.membership.study.trials import Trial, run_trials
from imprint.probe.signals.boundary import BoundarySearchOptions, boundary_distances, require_art
from imprint.study.hashing import hash_arrays
from imprint.study.plain import to_plain
from imprint.study.store import Study
from imprint.study.tables import Table, read_table, write_table

NOT_SAID = "asks a thousand times about a record: say of how many with --label-only"
DISTANCE = "distance"
KEPT_EVERY = 32
"""Records after which what was measured is kept, for a search that is cut short."""


def wants_labels(options: MembershipOptions) -> bool:
    """Return whether the label-only attack is among those chosen."""
    return bool({LABEL_ONLY, "all"} & set(options.attack))


def attacks_of_every_record(options: MembershipOptions) -> list[Attack]:
    """Return the chosen attacks that are run on every record.

    Raises:
        ImprintError: an unknown attack, or none is left.
    """
    chosen = choose_attacks(options.attack, kinds_left_out(options))
    others = [one for one in chosen if one.name != LABEL_ONLY]
    if not others:
        raise ImprintError(
            f"{LABEL_ONLY} is run on --label-only N of the records: choose another attack beside it"
        )
    return others


def check_labels(options: MembershipOptions, records: Records) -> None:
    """Check, before anything is computed, what would otherwise be found out hours later.

    Raises:
        ImprintError: no such attack, or the attack by labels cannot be run.
    """
    attacks_of_every_record(options)
    if options.label_only:
        require_art()
        boundary_search(options)
        choose_some(records, options.label_only, options.seed)


def boundary_search(options: MembershipOptions) -> BoundarySearchOptions:
    """Return the settings of the search for the boundary."""
    seed = derive(options.seed, "boundary")
    return BoundarySearchOptions(queries=options.label_only_queries, seed=seed)


def choose_some(records: Records, count: int, seed: int) -> Records:
    """Return some of the attacked records, as many members as non-members, drawn at random.

    The population stays: its images are where a search may start.

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
    return Records(
        index=records.index[rows], members=records.members[rows], population=records.population
    )


def distance_steps(
    study: Study,
    models: Sequence[Model],
    images: ImageSet,
    records: Records,
    options: BoundarySearchOptions,
    device: torch.device,
) -> tuple[str, ...]:
    """Measure the distances of every model that has none yet; return the names of the tables.

    Writes ``tables/distance/MODEL.parquet``: ``index``, ``distance``, ``queries``.

    Args:
        study: where tables go.
        models: the networks.
        images: the joined set.
        records: of it.
        options: of the search.
        device: where to compute.
    """
    # No search starts from more of them than that.
    starts = generator(options.seed, "boundary others").permutation(records.population)
    others = np.sort(starts[: options.starts])
    settings = {
        "data": images.fingerprint(),
        "records": hash_arrays(records.index, others),
        "boundary": to_plain(options),
        "centre_fraction": records.centre_fraction,
    }
    made = {f"tables/{DISTANCE}/{model.name}.parquet": model for model in models}
    for name, model in made.items():
        build = _builder(model, images, replace(records, population=others), options, device)
        study.step(name, {**settings, "model": model.identity}, build, resumable=True)
    return tuple(made)


def _builder(
    model: Model,
    images: ImageSet,
    shown: Records,
    options: BoundarySearchOptions,
    device: torch.device,
) -> Callable[[Path], None]:
    index = shown.index

    def build(path: Path) -> None:
        network = model.load()
        records, others = (
            View(images, wanted, shown.centre_fraction).read(network.input_size)
            for wanted in (index, shown.population)
        )
        tables = [read_table(path)] if path.exists() else []
        done = len(tables[0]["index"]) if tables else 0
        for start in range(done, len(index), KEPT_EVERY):
            part = slice(start, start + KEPT_EVERY)
            what = f"{DISTANCE} of {model.name}, records from {start} of {len(index)}"
            tables.append(
                boundary_distances(
                    network,
                    records.pixels[part],
                    records.labels[part],
                    index[part],
                    others.pixels,
                    options,
                    device,
                    what,
                )
            )
            joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
            write_table(path, joined)

    return build


def attack_labels(
    study: Study,
    artefacts: Sequence[str],
    records: Records,
    options: AttackOptions,
    seed: int,
) -> tuple[FloatArray, LabelOnlyFinding]:
    """Return the score of each record, float64 ``[n]``, and what the scores show.

    The finding is that of any attack; ``queries`` is the most that was asked about one record,
    ``mean_queries`` the mean, ``no_boundary`` of how many records no boundary was found.

    Args:
        study: holds the tables.
        artefacts: distances of the network, then of an untrained one if there are controls.
        records: that are attacked by labels.
        options: settings of attacks.
        seed: of halves and controls.
    """
    tables: list[Table] = [read_table(study.path(name)) for name in artefacts]
    evidence, *blank = [Evidence({DISTANCE: table["distance"][None]}) for table in tables]
    asked = tables[0]["queries"]
    trial = Trial(LABEL_ONLY, ATTACKS.get(LABEL_ONLY))
    scores, findings = run_trials(
        [trial],
        evidence,
        blank[0] if blank else None,
        records,
        options,
        {DISTANCE: int(asked.max())},
        seed,
        bool(blank),
    )
    return scores[LABEL_ONLY], LabelOnlyFinding(
        **vars(findings.attacks[LABEL_ONLY]),
        mean_queries=float(asked.mean()),
        no_boundary=int(np.isnan(tables[0]["distance"]).sum()),
    )
