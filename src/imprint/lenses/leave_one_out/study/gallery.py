"""The gallery of the records with the largest divergence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.data.imageset import ImageSet
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.lenses.leave_one_out.posterior.records import label_stands_out
from imprint.lenses.leave_one_out.posterior.summary import distinct_records, reason
from imprint.lenses.leave_one_out.study.dense import RECORDS, STEP
from imprint.report.gallery import Card, CardPicture, Line, write_gallery
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.report.wording import percent, plural, significant
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding
from imprint.study.step import Step
from imprint.study.tables import Table, read_table

CARDS = 48


@dataclass(frozen=True, eq=False)
class SaveStrongestRecords(Step):
    """Write a gallery.

    Attributes:
        data: the images whose records were fitted.
        cards: how many records at most.
        fit: the folder of the fit.
    """

    data: ImageSet
    cards: int
    fit: Path = uncounted()

    artefact = "gallery/leave_one_out"
    inputs = (STEP,)

    def build(self, path: Path) -> None:
        """Write the pictures and their cards."""
        path.mkdir(exist_ok=True)
        records = distinct_records(read_table(self.fit / RECORDS))
        classes = read_finding(FitFindings, self.fit / "findings.json").classes
        by_label = label_stands_out(records["kl_out_in"], records["kl_variance"])
        order = np.argsort(-records["kl_out_in"], kind="stable")[: self.cards]
        cards = [
            self._card(path, records, classes, row, rank, reason(bool(by_label[row])))
            for rank, row in enumerate(order.tolist(), start=1)
        ]
        write_gallery(path, cards)

    def _card(
        self,
        folder: Path,
        records: Table,
        classes: tuple[str, ...],
        row: int,
        rank: int,
        why: str,
    ) -> Card:
        index, copies = int(records["index"][row]), int(records["copies"][row])
        label = classes[int(records["label"][row])]
        prediction = classes[int(records["prediction_out"][row])]
        auc, divergence = float(records["auc"][row]), float(records["kl_out_in"][row])
        facts = [
            "correct without it"
            if prediction == label
            else f"without it predicted as {prediction}",
            f"AUC {percent(auc, 1 if auc < 0.9995 else 3)}",
            f"{significant(divergence)} nats",
            *([f"with {plural(copies, 'copy', 'copies')}"] if copies else []),
        ]
        picture = save_whole(folder, self.data, index, "image", CARD_SIDE)["file"]
        return Card(
            label,
            f"{self.data.name_of(index)} · index {index}",
            (CardPicture(picture, f"The image: {label}"),),
            badge=str(rank),
            lines=(Line(" · ".join(["", *facts]), bold=why),),
            facets={"Stands out by": why, "Class": label},
            numbers={
                "divergence": divergence,
                "memorization": float(records["memorization"][row]),
                "leverage": float(records["leverage"][row]),
            },
        )
