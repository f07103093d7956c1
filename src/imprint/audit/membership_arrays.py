"""Membership attacks on arrays that the user computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imprint import __version__
from imprint.audit.npz import Arrays, flags, numbers, read_npz
from imprint.config import to_plain
from imprint.errors import ImprintError
from imprint.membership.attack import Evidence
from imprint.membership.cohort import Cohort, References
from imprint.membership.controls import permuted_membership, swapped_target
from imprint.membership.evaluation import check_both, evaluate
from imprint.membership.options import AttackOptions
from imprint.membership.run import Scored, choose_attacks, run_attacks
from imprint.store import write_json
from imprint.tables import write_table

SignalKind = Literal["any", "phi", "log_curvature"]

REQUIRED = ("target", "target_members")
OPTIONAL = (
    "signals",
    "members",
    "population",
    "population_signals",
    "curvature_signals",
    "curvature_target",
    "curvature_population",
    "curvature_population_signals",
    "mentr",
    "distance",
    "index",
)


UNUSUAL = {"distance", "trace", "input_gradient", "parameter_gradient"}
"""Kinds of signal that files seldom hold; ``all`` attacks do without them."""


@dataclass(frozen=True)
class Case:
    """One target and everything known about it.

    Attributes:
        index: int64 ``[N]``.
        members: bool ``[N]``.
        evidence: what attacks may look at.
    """

    index: NDArray[np.int64]
    members: NDArray[np.bool_]
    evidence: Evidence


def attack_membership_arrays(
    file: Path,
    out: Path,
    names: Sequence[str] = ("all",),
    signal: SignalKind = "any",
    options: AttackOptions | None = None,
    with_controls: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Attack one target; write ``summary.json`` and a table of scores an attack.

    ``membership/NAME.parquet`` holds ``index``, ``score`` and ``member`` of every record.

    Args:
        file: ``.npz``; :func:`read_case` says of what.
        out: folder for the results.
        names: attacks, or ``all``.
        signal: what ``signals``, ``target`` and ``population`` hold; ``any``: each attack takes
            them as what it needs.
        options: settings of single attacks.
        with_controls: also run the negative controls of every attack.
        seed: of halves and controls.

    Raises:
        ImprintError: arrays that do not fit, an unknown attack, or none that can be run.
    """
    settings = options or AttackOptions()
    choose_attacks(names)
    case = read_case(file, signal)
    attacks = choose_attacks(names, UNUSUAL - case.evidence.target.keys())
    scored = run_attacks(case.evidence, attacks, settings)
    if not scored.scores:
        told = "; ".join(f"{name} {reason}" for name, reason in scored.skipped.items())
        raise ImprintError(f"{file}: no attack can be run: {told}")
    found = {
        name: {
            **evaluate(scores, case.members, seed=seed).to_dict(),
            "reads": scored.reads[name],
            **(_controls(case, name, settings, seed) if with_controls else {}),
        }
        for name, scores in scored.scores.items()
    }
    references = case.evidence.references
    inside = int(np.count_nonzero(case.members))
    summary = {
        "imprint": __version__,
        "data": {
            "name": file.name,
            "members": inside,
            "non_members": len(case.members) - inside,
            "references": 0 if references is None else len(references.cohort),
        },
        "settings": {"signal": signal, "attacks": to_plain(settings), "seed": seed},
        "lenses": {"membership": {"attacks": found, "skipped": dict(scored.skipped)}},
    }
    _write_scores(out, case, scored)
    write_json(out / "summary.json", summary)
    return summary


def _controls(case: Case, name: str, options: AttackOptions, seed: int) -> dict[str, Any]:
    (attack,) = choose_attacks([name])
    arguments = (case.evidence, case.members, attack, options, seed)
    found = {
        "permuted_membership": permuted_membership(*arguments),
        "swapped_target": swapped_target(*arguments),
    }
    return {
        "controls": {
            control: result.to_dict() for control, result in found.items() if result is not None
        }
    }


def _write_scores(out: Path, case: Case, scored: Scored) -> None:
    for name, scores in scored.scores.items():
        columns = {"index": case.index, "score": scores, "member": case.members}
        write_table(out / "membership" / f"{name}.parquet", columns)


def read_case(file: Path, signal: SignalKind = "any") -> Case:
    """Return one target and its references from an ``.npz`` file.

    Names: ``target [A, N]`` and ``target_members [N]``; with references ``signals [K, A, N]`` and
    ``members [K, N]``; ``population [A, Q]`` and ``population_signals [K, A, Q]`` of records that
    no model was trained on. A second signal, the log-curvature beside φ, has the same names with
    ``curvature_`` before them (``curvature_target``, ``curvature_signals`` …). ``mentr [A, N]`` is
    the modified entropy under the target, ``distance [A, N]`` that to its decision boundary,
    ``index [N]`` what the records are called. The first augmentation is the plain record.
    φ is log p_y − log Σ_{c≠y} p_c.

    Raises:
        ImprintError: a name is missing or unknown, shapes do not fit, or a value is not finite;
            the message says which.
    """
    arrays = read_npz(file, REQUIRED, OPTIONAL)
    _check_together(file, arrays)
    _check_shapes(file, arrays)
    first = _signals(file, arrays, "")
    second = _signals(file, arrays, "curvature_")
    kinds: dict[str, dict[str, NDArray[np.float64]]] = {}
    if signal == "any" and second:
        kinds = {"phi": first, "log_curvature": second}
    elif signal == "any":
        kinds = {"phi": first, "log_curvature": first}
    else:
        kinds = {signal: first}
        if second and signal == "phi":
            kinds["log_curvature"] = second
        elif second:
            raise ImprintError(
                f"{file}: with --signal log_curvature, target is the curvature already: "
                "leave the curvature_ arrays out, or say --signal phi"
            )
    members = flags(file, "target_members", arrays["target_members"])
    check_both(members)
    target = {kind: held["target"] for kind, held in kinds.items()}
    for name in ("mentr", "distance"):
        if name in arrays:
            target[name] = numbers(file, name, arrays[name])
    references = None
    if "members" in arrays:
        masks = flags(file, "members", arrays["members"])
        references = References(
            Cohort(_of(kinds, "signals"), masks, _of(kinds, "population_signals"))
        )
    index = arrays.get("index", np.arange(len(members))).astype(np.int64)
    return Case(index, members, Evidence(target, references, _of(kinds, "population")))


def _of(
    kinds: Mapping[str, Mapping[str, NDArray[np.float64]]], name: str
) -> dict[str, NDArray[np.float64]]:
    return {kind: held[name] for kind, held in kinds.items() if name in held}


def _signals(file: Path, arrays: Arrays, prefix: str) -> dict[str, NDArray[np.float64]]:
    names = ("target", "signals", "population", "population_signals")
    return {
        name: numbers(file, prefix + name, arrays[prefix + name])
        for name in names
        if prefix + name in arrays
    }


def _check_together(file: Path, arrays: Arrays) -> None:
    needs = {
        "signals": "members",
        "members": "signals",
        "population_signals": "signals",
        "curvature_signals": "curvature_target",
        "curvature_population": "curvature_target",
        "curvature_population_signals": "curvature_signals",
    }
    for name, other in needs.items():
        if name in arrays and other not in arrays:
            raise ImprintError(f"{file}: {name} is of no use without {other}: give both")
    if "curvature_target" in arrays and ("curvature_signals" in arrays) != ("signals" in arrays):
        raise ImprintError(f"{file}: give signals and curvature_signals of the same references")


def _check_shapes(file: Path, arrays: Arrays) -> None:
    """Check every shape against the sizes that target, signals and population set."""
    records = _size(arrays, "target_members", 0)
    models = _size(arrays, "members", 0)
    expected: dict[str, tuple[int | None, ...]] = {
        "target_members": (records,),
        "index": (records,),
        "mentr": (None, records),
        "distance": (None, records),
        "members": (models, records),
    }
    for prefix in ("", "curvature_"):
        augmentations = _size(arrays, prefix + "target", 0)
        asked = _size(arrays, prefix + "population", 1)
        if asked is None:
            asked = _size(arrays, prefix + "population_signals", 2)
        expected |= {
            prefix + "target": (augmentations, records),
            prefix + "signals": (models, augmentations, records),
            prefix + "population": (augmentations, asked),
            prefix + "population_signals": (models, augmentations, asked),
        }
    for name, array in arrays.items():
        shape = expected[name]
        fits = array.ndim == len(shape) and all(
            wanted is None or wanted == size
            for wanted, size in zip(shape, array.shape, strict=True)
        )
        if not fits or 0 in array.shape:
            told = ", ".join("any" if size is None else str(size) for size in shape)
            raise ImprintError(
                f"{file}: {name} has shape {list(array.shape)}, expected [{told}], nothing empty"
            )
        if name == "index" and array.dtype.kind not in "iu":
            raise ImprintError(f"{file}: index must hold whole numbers, not {array.dtype}")


def _size(arrays: Arrays, name: str, axis: int) -> int | None:
    array = arrays.get(name)
    return None if array is None or array.ndim <= axis else array.shape[axis]
