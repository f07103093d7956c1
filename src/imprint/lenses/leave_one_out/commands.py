"""``imprint leave-one-out``: how far would predictions move without this record?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imprint.lenses.leave_one_out.study.options import FitOptions, QueryOptions
from imprint.lenses.leave_one_out.study.search_options import LandscapeOptions, OptimiseOptions
from imprint.lenses.leave_one_out.study.truth.retrain_options import (
    ComparisonOptions,
    RetrainingOptions,
)
from imprint.study.command import command
from imprint.study.listing import listed

listed(
    "kernels",
    "kernels of fits",
    "imprint.lenses.leave_one_out.kernels.kernel:KERNELS",
)
listed(
    "estimators",
    "estimators of influence",
    "imprint.probe.influence_kit.question:INFLUENCES",
)


@command("leave-one-out fit", "leave-one-out influence of every training record")
@dataclass(frozen=True, kw_only=True)
class Fit(FitOptions):
    """Fit all records once, and tell what every model with one record less would say.

    The model is a Gaussian process, by default a network of infinite width; nothing is trained
    twice, and the numbers are exact. OUT/leave_one_out/records.parquet has a row a record: the
    divergences of the predictions for it with and without it, how much it is memorized, how well
    an observer can tell. Queries beside the records (--arrays) are asked of every removed record:
    OUT/leave_one_out/queries/MEASURE.npy [n, q]; with their classes (query_labels), influence.npy
    tells by how much each record raises the output of the right class.
    """

    def run(self) -> dict[str, Any]:
        """Fit; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.study import fit_study

        return fit_study(self)


@command("leave-one-out query", "influence of training records on given inputs")
@dataclass(frozen=True, kw_only=True)
class Query(QueryOptions):
    """Ask a finished fit what every record does to the predictions for other inputs.

    The records are read again from where the fit had them and must not have changed. Written is
    OUT/leave_one_out/queries/MEASURE.npy [n, q], rows as in the fit's records.parquet; OUT may be
    the folder of the fit. With --groups records are left out together (groups/groups.parquet, a row
    a group), with --add records that the fit lacks are added (additions/additions.parquet), with
    --among-records all records are asked about (among_records/MEASURE.npy [n, n]); --queries are
    asked of the first two as well.
    """

    def run(self) -> dict[str, Any]:
        """Ask; return what was asked and written."""
        from imprint.core.progress import log
        from imprint.lenses.leave_one_out.study.query import query_study

        told = query_study(self)
        if not self.json:
            from imprint.lenses.leave_one_out.page.terminal import show_asked

            show_asked(told)
        log(f"results: {self.out / 'leave_one_out'}")
        return told


@command("leave-one-out optimise", "search the input that best reveals a removed record")
@dataclass(frozen=True, kw_only=True)
class Optimise(OptimiseOptions):
    """Search, for single records, the input whose prediction tells most of their absence.

    The search knows the record and all others: it shows what a most revealing query looks like,
    usually the record itself, and is no attack. How much any query could tell is known beforehand,
    so each search is certified. OUT/leave_one_out_search/records.parquet has a row a removed
    record; queries.npy [b, q, ...] has what was found, in the units of the kernel.
    """

    def run(self) -> dict[str, Any]:
        """Search; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.search import optimise_study

        return optimise_study(self)


@command("leave-one-out landscape", "leave-one-out distinguishability along lines between records")
@dataclass(frozen=True, kw_only=True)
class Landscape(LandscapeOptions):
    """Look at how much is told of records along lines through them.

    Divergence and AUC must be greatest at the record itself; the mean distance need not be.
    OUT/leave_one_out_landscape/lines.parquet has a row a record, line and step.
    """

    def run(self) -> dict[str, Any]:
        """Look; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.landscape import landscape_study

        return landscape_study(self)


@command("leave-one-out retrain", "retrain networks without chosen records (ground truth)")
@dataclass(frozen=True, kw_only=True)
class Retrain(RetrainingOptions):
    """Train networks with and without single records: the ground truth of leave-one-out values.

    Networks are fully connected and described by the options of the kernel fc. A network with a
    record and one without start from the same weights and see the same batches. An interrupted run
    goes on where it stopped; OUT/logits holds what the networks say. With --lines they are asked
    around the records as well: OUT/lines/lines.parquet has a row a record, line and step.
    """

    def run(self) -> dict[str, Any]:
        """Retrain; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.truth.compare import retrain_study

        return retrain_study(self)


@command("leave-one-out compare", "closed form and influence estimators against retraining")
@dataclass(frozen=True, kw_only=True)
class Compare(ComparisonOptions):
    """Compare closed-form leave-one-out values, and other estimates, with retraining.

    Retrains what OUT does not hold yet. OUT/comparison gets a row an estimator: correlations with
    the shift of the logits and with the AUC of the attack, linear datamodeling score, time and
    memory; the noise ceiling says what a perfect estimate could reach.
    """

    def run(self) -> dict[str, Any]:
        """Compare; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.truth.compare import compare_study

        return compare_study(self)
