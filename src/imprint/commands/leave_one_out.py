"""``imprint leave-one-out``: how far would predictions move without this record?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imprint.audit.leave_one_out_options import FitOptions, QueryOptions


@dataclass(frozen=True, kw_only=True)
class Fit(FitOptions):
    """Fit all records once, and tell what every model with one record less would say.

    The model is a Gaussian process, by default a network of infinite width; nothing is trained
    twice, and the numbers are exact. OUT/leave_one_out/records.parquet has a row a record: the
    divergences of the predictions for it with and without it, how much it is memorized, how well
    an observer can tell. Queries beside the records (--arrays) are asked of every removed record:
    OUT/leave_one_out/queries/MEASURE.npy [n, q].
    """

    def run(self) -> dict[str, Any]:
        """Fit; return the content of ``summary.json``."""
        from imprint.audit.leave_one_out_study import fit_study

        return fit_study(self)


@dataclass(frozen=True, kw_only=True)
class Query(QueryOptions):
    """Ask a finished fit what every record does to the predictions for other inputs.

    The records are read again from where the fit had them and must not have changed. Written is
    OUT/leave_one_out/queries/MEASURE.npy [n, q], rows as in the fit's records.parquet; OUT may be
    the folder of the fit.
    """

    def run(self) -> dict[str, Any]:
        """Ask; return what was asked and written."""
        from imprint.audit.leave_one_out_study import query_study
        from imprint.progress import say

        told = query_study(self)
        say(f"results: {self.out / 'leave_one_out' / 'queries'}")
        return told
