"""The steps that repeat a test without the images in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.arrays import BoolArray
from imprint.lenses.dejavu.doubt_findings import DoubtFindings, SubsetTest
from imprint.lenses.dejavu.estimates import ByPercent
from imprint.lenses.dejavu.memorization.one_model import AttackedCrops, one_model
from imprint.lenses.dejavu.memorization.subsets import subset_test
from imprint.lenses.dejavu.memorization.two_model import Side, two_model
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.doubts import Doubts
from imprint.lenses.dejavu.study.one_model_attack import MODEL, AttackModel
from imprint.lenses.dejavu.study.two_model_tables import AttackEncoders, attack_pair
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

ARTEFACT = "tables/dejavu_doubts.json"


@dataclass(frozen=True)
class TwoModelDoubts(Step):
    """Repeat the two-model test without images in doubt.

    Attributes:
        attack: on all attacked images.
        left_out: bool ``[n]`` by name, images to leave out of each test.
    """

    attack: AttackEncoders
    left_out: Mapping[str, BoolArray]

    artefact = ARTEFACT

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the attack."""
        return self.attack.inputs

    def build(self, path: Path) -> None:
        """Write the tests."""
        attacked = self.attack.attacked
        sides = attack_pair(self.attack.guesser, attacked).sides
        of_side = [attacked.side == row for row in range(len(sides))]
        left_out = {n: [rows[s] for s in of_side] for n, rows in self.left_out.items()}
        write_finding(path, _tests(sides, left_out, self.attack.attack, self.attack.seed))


@dataclass(frozen=True)
class OneModelDoubts(Step):
    """Repeat the one-model test without members in doubt, against the best reference.

    Attributes:
        attack: on all attacked images.
        left_out: bool ``[n]`` by name, images to leave out of each test.
    """

    attack: AttackModel
    left_out: Mapping[str, BoolArray]

    artefact = ARTEFACT

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the attack."""
        return self.attack.inputs

    def build(self, path: Path) -> None:
        """Write the tests."""
        attack = self.attack
        labels, classes = attack.images.labels[attack.index], len(attack.images.classes)
        votes = attack.guess(MODEL).votes
        crops = AttackedCrops(
            attack.index, labels, attack.members, votes, attack.references, classes
        )
        choice = attack.attack
        outcome = one_model(
            crops, choice.top_percent, choice.top_classes, attack.seed, attack.calibrate, None
        )
        side = outcome.members.side(outcome.findings.best)
        left_out = {name: [rows[attack.members]] for name, rows in self.left_out.items()}
        write_finding(path, _tests([side], left_out, choice, attack.seed))


def _tests(
    sides: Sequence[Side],
    left_out: Mapping[str, Sequence[BoolArray]],
    choice: AttackChoice,
    seed: int,
) -> DoubtFindings:
    percents, top = choice.top_percent, choice.top_classes
    without = {}
    for name, of_side in left_out.items():
        fewer = sum(int(rows.sum()) for rows in of_side)
        left = sum(len(rows) for rows in of_side) - fewer
        test = subset_test(sides, [~rows for rows in of_side], percents, top, seed)
        without[name] = SubsetTest(fewer, left, test)
    return DoubtFindings((), two_model(sides, percents, top, seed), without)


def doubt_findings(
    study: Study, doubts: Doubts, step: TwoModelDoubts | OneModelDoubts, test: ByPercent
) -> DoubtFindings | None:
    """Return what is known of the doubts, with the tests of a step where an image is in doubt.

    Args:
        study: where the tests go.
        doubts: of the attacked images; None is returned where nothing was looked for.
        step: the tests.
        test: the findings, which are those on all images where none is in doubt.
    """
    if not doubts.images:
        return None
    tests = DoubtFindings((), test, {})
    if doubts.any:
        tests = read_finding(DoubtFindings, study.run(step))
    return replace(
        tests,
        excluded=doubts.excluded,
        near_duplicates=doubts.near_duplicates,
        visible_objects=doubts.visible_objects,
    )
