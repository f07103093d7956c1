"""The two-model test on two encoders that were trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.audit.dejavu import attacked_set, dejavu_steps
from imprint.audit.images import open_choice
from imprint.audit.summary import finish
from imprint.data.split import MANIFEST, load_partition
from imprint.options import DataChoice, DejavuChoice
from imprint.store import Study


def two_model_audit(
    data: DataChoice,
    choice: DejavuChoice,
    models: Mapping[str, Path],
    split: Path,
    per_class: int,
) -> dict[str, Any]:
    """Attack two encoders; write tables, summary and page.

    Args:
        data: the images.
        choice: how crops, votes and controls are made, and where results go.
        models: weights of ``A`` and ``B``, each with its card beside it.
        split: folder of the partition both were trained on, or of the study that holds it.
        per_class: which of its sizes.

    Raises:
        ImprintError: weights, partition or images that cannot be used.
    """
    study = Study(choice.out)
    with study.locked():
        images = open_choice(data, choice.seed)
        held = split if (split / MANIFEST).exists() else split / "split"
        partition = load_partition(held, per_class, images.fingerprint())
        attacked = attacked_set(images, partition, choice)
        facts, found = dejavu_steps(study, images, partition, attacked, models, choice)
        return finish(study, choice, facts, {"dejavu": found})
