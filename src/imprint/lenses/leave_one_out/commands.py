"""``imprint leave-one-out``: how far would predictions move without this record?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imprint.lenses.leave_one_out.augmentation_options import AugmentOptions
from imprint.lenses.leave_one_out.options import (
    FitOptions,
    LandscapeOptions,
    OptimiseOptions,
    QueryOptions,
)
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions, RetrainingOptions
from imprint.study.command import command
from imprint.study.listing import listed

listed(
    "activations",
    "activation functions of kernels and networks",
    "imprint.neurons.activation_function:describe_activations",
)
listed("kernels", "kernels of fits", "imprint.lenses.leave_one_out.kernels.kernel:KERNELS")
listed(
    "estimators",
    "estimators of influence",
    "imprint.probe.influence_kit.question:INFLUENCES",
)

_RECORDS = ("out", "data", "arrays", "classes", "records")
_KERNEL = ("kernel", "activation", "depth", "noise")
_NETWORKS = (
    "out", "data", "arrays", "classes", "records", "removed", "pairs", "subsets", "queries",
    "lines", "activation", "depth", "noise", "input_size",
)  # fmt: skip


@command(
    "leave-one-out fit",
    "leave-one-out influence of every training record",
    example="--data photos/ --records 2000 --noise 0.1,1 --out runs/influence",
    main=(*_RECORDS, *_KERNEL, "method", "outputs", "scaling", "input_size"),
)
@dataclass(frozen=True, kw_only=True)
class FitCommand(FitOptions):
    """Fit all records once and compute every leave-one-out model in closed form.

    The model is a Gaussian process, by default a network of infinite width; nothing is trained
    twice, and the numbers are exact. OUT/leave_one_out/records.parquet has a row per record: the
    divergences of the predictions for it with and without it, its memorization, and how well an
    observer distinguishes the two models. Queries in --arrays are evaluated for every removed
    record: OUT/leave_one_out/queries/MEASURE.npy [n, q]; with their classes (query_labels),
    influence.npy is by how much each record raises the output of the right class.
    """

    def run(self) -> Mapping[str, Any]:
        """Fit; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.fit import fit_study

        return fit_study(self)


@command(
    "leave-one-out query",
    "influence of training records on given inputs",
    example="--fit runs/influence --queries inputs.npz --groups classes --out runs/queries",
)
@dataclass(frozen=True, kw_only=True)
class QueryCommand(QueryOptions):
    """Compute the influence of every record of a finished fit on the predictions for other inputs.

    The records are read again from where the fit had them and must not have changed. Written are
    OUT/leave_one_out/queries/MEASURE.npy [n, q], rows as in the fit's records.parquet; OUT may be
    the folder of the fit. With --groups records are left out together (groups/groups.parquet, a row
    per group), with --add records that the fit lacks are added (additions/additions.parquet), with
    --among-records all records are queries (among_records/MEASURE.npy [n, n]); --queries also apply
    to the first two.
    """

    def run(self) -> Mapping[str, Any]:
        """Query; return the findings."""
        from imprint.lenses.leave_one_out.study.query import query_study

        return query_study(self)


@command(
    "leave-one-out optimise",
    "search the input that best reveals a removed record",
    example="--data photos/ --records 2000 --removed 50 --out runs/search",
    main=(*_RECORDS, *_KERNEL, "removed", "group_size", "queries", "objective", "target_share",
          "restarts", "start", "domain"),
)  # fmt: skip
@dataclass(frozen=True, kw_only=True)
class OptimiseCommand(OptimiseOptions):
    """Search, for single records, the input whose prediction best reveals their absence.

    The search knows the record and all others: it shows what a most revealing query looks like,
    usually the record itself, and is not an attack. The bound on any query is known beforehand, so
    each
    search is certified. OUT/leave_one_out_search/records.parquet has a row per removed record;
    queries.npy [b, q, ...] holds the queries, in the units of the kernel.
    """

    def run(self) -> Mapping[str, Any]:
        """Search; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.search import optimise_study

        return optimise_study(self)


@command(
    "leave-one-out landscape",
    "leave-one-out distinguishability along lines between records",
    example="--data photos/ --records 2000 --removed 20 --out runs/landscape",
    main=(*_RECORDS, *_KERNEL, "removed", "lines", "half_length", "steps_per_side"),
)
@dataclass(frozen=True, kw_only=True)
class LandscapeCommand(LandscapeOptions):
    """Compute leave-one-out distinguishability along lines through removed records.

    Divergence and AUC must be greatest at the record itself; the mean distance need not be.
    OUT/leave_one_out_landscape/lines.parquet has a row per record, line and step.
    """

    def run(self) -> Mapping[str, Any]:
        """Compute the lines; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.landscape import landscape_study

        return landscape_study(self)


@command(
    "leave-one-out augment",
    "leave-one-out distinguishability under augmentations of removed records",
    example="--data photos/ --records 2000 --removed 20 --copies 10 --out runs/augment",
    main=(*_RECORDS, *_KERNEL, "removed", "augmentations", "draws", "copies"),
)
@dataclass(frozen=True, kw_only=True)
class AugmentCommand(AugmentOptions):
    """Query augmentations of removed records, and add them to the data as near copies.

    A query that is an augmentation of a record reveals a share of what the record itself does.
    Copies in both data sets hide the absence of the record itself.
    OUT/leave_one_out_augmentations/queries.parquet has a row per record, augmentation and draw,
    copies.parquet one per record and number of copies.
    """

    def run(self) -> Mapping[str, Any]:
        """Augment; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.augment import augment_study

        return augment_study(self)


@command(
    "leave-one-out retrain",
    "retrain networks without chosen records (ground truth)",
    example="--data photos/ --classes 2 --records 300 --removed 40 --out runs/truth",
    main=_NETWORKS,
)
@dataclass(frozen=True, kw_only=True)
class RetrainCommand(RetrainingOptions):
    """Retrain networks with and without single records: the ground truth of leave-one-out values.

    Networks are fully connected and described by the options of the kernel fc, or, with
    --train.architecture, networks of images such as lenet or cifar_resnet8. A network with a record
    and one without start from the same weights and see the same batches. An interrupted run
    resumes; OUT/logits holds the logits of all networks. With --lines they are queried around the
    records as well: OUT/lines/lines.parquet has a row per record, line and step.
    """

    def run(self) -> Mapping[str, Any]:
        """Retrain; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.compare import retrain_study

        return retrain_study(self)


@command(
    "leave-one-out compare",
    "closed form and influence estimators against retraining",
    example="--data photos/ --classes 2 --records 300 --removed 40 --out runs/truth",
    main=(*_NETWORKS, "estimators", "damping", "retrained", "influence"),
)
@dataclass(frozen=True, kw_only=True)
class CompareCommand(ComparisonOptions):
    """Compare closed-form leave-one-out values, and influence estimators, with retraining.

    Retrains what OUT does not hold yet. OUT/comparison gets a row per estimator: correlations with
    the shift of the logits and with the AUC of the attack, linear datamodeling score and
    correlation with the effects on held-out queries, time and memory; the noise ceiling is what a
    perfect estimate could reach. With --retrained nothing is trained: influence tables of any
    origin are compared with models that you retrained.
    """

    def run(self) -> Mapping[str, Any]:
        """Compare; return the content of ``summary.json``."""
        from imprint.lenses.leave_one_out.study.compare import compare_study

        return compare_study(self)
