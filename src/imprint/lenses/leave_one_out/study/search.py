"""``leave-one-out optimise``: search the most revealing queries, and compare them with records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.imageset import ImageSet
from imprint.data.picture import to_picture
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import CertificateSummary, SearchFindings
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.options import OptimiseOptions, SearchChoice
from imprint.lenses.leave_one_out.search.query_domain import (
    Anywhere,
    Box,
    Domain,
    Sphere,
    Starts,
    noise_starts,
    record_starts,
)
from imprint.lenses.leave_one_out.search.query_objective import LeakOfQueries
from imprint.lenses.leave_one_out.search.query_search import (
    FoundQueries,
    SearchOptions,
    joined_queries,
    search_queries,
)
from imprint.lenses.leave_one_out.search.reconstruction import (
    Reconstruction,
    joined_reconstructions,
    pixel_correlation,
    psnr,
    reconstructions,
)
from imprint.lenses.leave_one_out.study.conclude import FindingStep, conclude
from imprint.lenses.leave_one_out.study.fitted import (
    GaussianFit,
    check_fit,
    check_one_noise,
    double_device,
)
from imprint.lenses.leave_one_out.study.input_range import input_range
from imprint.lenses.leave_one_out.study.inputs import Inputs, Pixels
from imprint.lenses.leave_one_out.study.records import fitted_data, read_records
from imprint.lenses.leave_one_out.study.removals import Removals, chosen_removals, fits_of
from imprint.report.gallery import Card, CardPicture, Line, write_gallery
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.report.summary import finish
from imprint.report.wording import percent, plural
from imprint.stats.median import median
from imprint.stats.proportion import proportion
from imprint.study.counted import part_of
from imprint.study.finding import to_json, write_finding
from imprint.study.store import Study
from imprint.study.tables import Table

STEP = "leave_one_out_search"
CARDS = 48


@dataclass(frozen=True, eq=False)
class SearchQueries(FindingStep[SearchFindings]):
    """Write ``records.parquet``, ``queries.npy``, pictures with their cards, and findings."""

    fit: GaussianFit
    choice: SearchChoice
    seed: int
    images: ImageSet | None
    removals: Removals

    artefact = STEP
    kind = SearchFindings

    def build(self, path: Path) -> None:
        """Search, compare with the records, and write the tables and pictures."""
        path.mkdir(exist_ok=True)
        fit, choice = self.fit, self.choice
        columns, searched, alike = search_removals(fit, self.removals, choice, self.seed)
        write_meant(path / "records.parquet", columns)
        np.save(path / "queries.npy", searched.queries.cpu().numpy())
        write_gallery(path, self._cards(path, columns, searched, alike))
        write_finding(path / self.file, search_findings(columns, choice, fit.noise[0]))

    def _cards(
        self, folder: Path, columns: Table, searched: FoundQueries, alike: Reconstruction
    ) -> list[Card]:
        """Write pictures of the first records; return their cards."""
        images, inputs, added = self.images, self.fit.inputs, self.removals.added
        if images is None or inputs.pixels is None:
            return []
        starts = searched.starts.repeat_interleave(self.choice.group_size, dim=0)
        cards = []
        for row in range(min(CARDS, len(columns["index"]))):
            index = int(columns["index"][row])
            shown = {"start": starts[row, alike.query[row]], "query": alike.scaled[row]}
            if added is None:
                name = images.name_of(index)
                record = save_whole(folder, images, index, "image", CARD_SIDE)["file"]
            else:
                name, record = f"{self.removals.kind}, not in the fit", f"image_{row}.png"
                _save(folder / record, torch.from_numpy(added.values[row]), inputs.pixels)
            files = {kind: f"{kind}_{row}.png" for kind in shown}
            for kind, values in shown.items():
                _save(folder / files[kind], values, inputs.pixels)
            label = inputs.classes[int(columns["label"][row])]
            pictures = (
                CardPicture(record, f"The removed record: {label}", "the record"),
                CardPicture(files["start"], "Where the search started", "start"),
                CardPicture(files["query"], "The query reached", "query"),
            )
            nearest = name
            if not columns["identified"][row]:
                nearest = images.name_of(int(columns["nearest"][row]))
            cards.append(search_card(columns, row, label, name, nearest, pictures))
        return cards


def search_removals(
    fit: GaussianFit, removals: Removals, choice: SearchChoice, seed: int
) -> tuple[Table, FoundQueries, Reconstruction]:
    """Search the most revealing queries of removed records, of the fit or added to it.

    Args:
        fit: of all records but those that are added.
        removals: groups of records.
        choice: of the search.
        seed: of starts.

    Returns:
        as :func:`search_records`; of added records ``index`` is that in their own set.
    """
    parts = [search_records(each, rows, choice, seed) for each, rows in fits_of(fit, removals)]
    if len(parts) == 1 and removals.added is None:
        return parts[0]
    tables, searched, alike = zip(*parts, strict=True)
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    columns["search"] = np.repeat(np.arange(len(parts)), removals.groups.shape[1])
    return columns, joined_queries(searched), joined_reconstructions(alike)


def search_records(
    fit: GaussianFit, groups: Tensor, choice: SearchChoice, seed: int
) -> tuple[Table, FoundQueries, Reconstruction]:
    """Search the most revealing queries of removed records.

    Args:
        fit: of all records.
        groups: rows of the records that are removed together, int64 ``[b, k]``.
        choice: of the search.
        seed: of starts.

    Returns:
        one row per removed record, the queries, and how they compare with the records.
    """
    leak = LeakOfQueries(fit.kernel, fit.values, fit.posterior, groups, choice.objective)
    lower, upper = input_range(fit)
    options = SearchOptions(
        method=choice.method,
        steps=choice.steps,
        restarts=choice.restarts,
        target_share=choice.target_share,
        learning_rate=choice.learning_rate,
    )
    starts = _starts(fit, groups, choice, seed if choice.start_seed is None else choice.start_seed)
    searched = search_queries(leak, starts, options, _domain(fit, choice, lower, upper))
    removed = groups.flatten()
    repeated = searched.queries.repeat_interleave(groups.shape[1], dim=0)
    alike = reconstructions(repeated, fit.values, removed)
    columns = _columns(fit.inputs, removed, searched, alike, groups.shape[1])
    if fit.inputs.pixels is not None:
        columns |= _likeness(alike.scaled, fit.values[removed], fit.inputs.pixels)
    return columns, searched, alike


def _domain(fit: GaussianFit, choice: SearchChoice, lower: Tensor, upper: Tensor) -> Domain:
    if choice.domain == "box":
        return Box(lower, upper)
    if choice.domain == "sphere":
        return Sphere(float(fit.values.flatten(1).norm(dim=1).median()))
    return Anywhere()


def _starts(fit: GaussianFit, groups: Tensor, choice: SearchChoice, seed: int) -> Starts:
    names = fit.inputs.index[groups[:, 0].cpu().numpy()].tolist()
    if choice.start == "noise":
        return noise_starts(*input_range(fit), names, choice.queries, seed)
    rows = torch.arange(len(fit.values), device=groups.device)
    allowed = [rows[~torch.isin(rows, group)] for group in groups]
    return record_starts(fit.values, allowed, names, choice.queries, seed)


def optimise_study(options: OptimiseOptions) -> Mapping[str, Any]:
    """Search, compare with the records, write tables, pictures and the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, or options that do not fit.
    """
    _check_bounded(options)
    check_one_noise(options)
    study, device = Study(options.out), double_device(options.device)
    choice = part_of(options, SearchChoice)
    with study.locked(), one_thread_a_sum():
        inputs, images, _ = read_records(options)
        fit = check_fit(inputs, options, device)
        removals = removed_records(options, inputs)
        choice = replace(choice, removed=len(removals.groups))
        step = SearchQueries(fit, choice, options.seed, images, removals)
        findings = conclude(study, step)
        data = fitted_data(options, inputs, images)
        return finish(study, options, to_json(data), {STEP: to_json(findings)})


def removed_records(options: OptimiseOptions, inputs: Inputs) -> Removals:
    """Return the groups of records that the options name or draw.

    Raises:
        ImprintError: too few records, or options that do not fit one another.
    """
    size, seed = options.group_size, options.seed
    chosen = chosen_removals(options, options, inputs, options.removed, size, seed)
    if chosen is not None:
        return chosen
    return Removals("fitted", draw_groups(inputs, options, seed).numpy())


def draw_groups(inputs: Inputs, choice: SearchChoice, seed: int) -> Tensor:
    """Return rows of the records to remove, each group of one class, int64 ``[b, k]``.

    Raises:
        ImprintError: fewer records than are to be removed, or no class large enough.
    """
    size, count = choice.group_size, choice.removed
    order = generator(seed, "removed records").permutation(len(inputs.index))
    groups: list[list[int]] = []
    unfinished: dict[int, list[int]] = {}
    for row in order.tolist():
        group = unfinished.setdefault(int(inputs.labels[row]), [])
        group.append(row)
        if len(group) == size:
            groups.append(unfinished.pop(int(inputs.labels[row])))
    if len(groups) < count:
        if size == 1:
            raise ImprintError(
                f"--removed {count} is more than the {len(inputs.index)} records: choose fewer"
            )
        made = f"{len(groups)} group{'' if len(groups) == 1 else 's'}"
        raise ImprintError(
            f"{len(inputs.index)} records make {made} of {size} of one class, not {count}: choose "
            "a smaller --removed or --group-size"
        )
    return torch.tensor(groups[:count])


def search_findings(columns: Table, choice: SearchChoice, noise: float) -> SearchFindings:
    """Return what the searches reached, from one row per removed record."""
    first = np.arange(0, len(columns["index"]), choice.group_size)
    reached, identified = columns["certificate"][first], columns["identified"]
    settings = vars(choice).copy()
    for name in ("psnr", "pixel_correlation"):
        if name in columns and np.isfinite(columns[name]).all():
            settings[name] = median(columns[name])
    success = int((reached >= choice.target_share).sum())
    return SearchFindings(
        **settings,
        searches=len(first),
        noise=noise,
        success=proportion(success, len(first)),
        identified=proportion(int(identified.sum()), len(identified)),
        certificate=CertificateSummary(median(reached), float(reached.min()), float(reached.max())),
        scaled_error=median(columns["scaled_error"]),
        evaluations=float(columns["evaluations"][first].mean()),
    )


def search_card(
    columns: Table,
    row: int,
    label: str,
    name: str,
    nearest: str,
    pictures: tuple[CardPicture, ...],
) -> Card:
    """Return the card of one removed record.

    Args:
        columns: one row per removed record.
        row: which of them.
        label: its class.
        name: of its image.
        nearest: name of the image at the smallest angle to the query.
        pictures: of record, start and query.
    """
    identified = bool(columns["identified"][row])
    share, error = float(columns["certificate"][row]), float(columns["scaled_error"][row])
    facts = [
        " of the bound",
        f"error {percent(error, 2)}",
        plural(int(columns["steps"][row]), "step"),
        *([] if identified else [f"nearest is {nearest}"]),
    ]
    outcome = "identified" if identified else "not identified"
    return Card(
        label,
        f"{name} · index {int(columns['index'][row])}",
        pictures,
        badge=outcome,
        lines=(Line(" · ".join(facts), bold=percent(share, 3)),),
        facets={"Record": outcome, "Class": label},
        numbers={"error": error, "share of the bound": share},
    )


def _check_bounded(options: OptimiseOptions) -> None:
    """Refuse a mean distance that grows without limit."""
    if options.objective != "mean_distance" or options.domain != "anywhere":
        return
    if chosen_kernel(options).homogeneous:
        raise ImprintError(
            "under this kernel the mean distance grows without limit with the length of a query: "
            "choose --domain sphere or box, or another --objective"
        )


def _columns(
    inputs: Inputs, removed: Tensor, searched: FoundQueries, alike: Reconstruction, size: int
) -> Table:
    """Return one row per removed record; what belongs to its search stands beside each."""
    searches = {
        "certificate": searched.certificate,
        "objective": searched.objective,
        "kl_out_in": searched.reached.kl_out_in(),
        "kl_out_in_at_record": searched.own.kl_out_in(),
        "auc": searched.reached.auc(),
        "auc_at_record": searched.own.auc(),
        "attempt": searched.attempt,
        "steps": searched.steps,
        "evaluations": searched.evaluations,
    }
    columns = {name: values.repeat_interleave(size) for name, values in searches.items()}
    for name in ("query", "cosine", "scaled_error", "error", "identified"):
        columns[name] = getattr(alike, name)
    rows = removed.cpu().numpy()
    return {
        "index": inputs.index[rows],
        "label": inputs.labels[rows],
        "search": np.repeat(np.arange(len(rows) // size), size),
        "nearest": inputs.index[alike.nearest.cpu().numpy()],
        **{name: values.cpu().numpy() for name, values in columns.items()},
    }


def _likeness(images: Tensor, truth: Tensor, pixels: Pixels) -> Table:
    """Return how alike queries and records are as pictures, scaled and clipped to pixels."""
    shown, record = (pixels.unit(side.cpu().numpy()) for side in (images, truth))
    pictures, records = torch.from_numpy(np.clip(shown, 0, 1)), torch.from_numpy(record)
    return {
        "psnr": psnr(pictures, records, 1.0).numpy(),
        "pixel_correlation": pixel_correlation(pictures, records).numpy(),
    }


def _save(path: Path, image: Tensor, pixels: Pixels) -> None:
    """Write an input ``[C, H, W]`` as a picture, clipped to pixels."""
    whole = np.round(255 * np.clip(pixels.unit(image.cpu().numpy()), 0, 1)).astype(np.uint8)
    to_picture(whole).save(path)
