"""``leave-one-out optimise``: search the most revealing queries, and see what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.imageset import ImageSet
from imprint.data.picture import to_picture
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.options import LeaveOneOutChoice
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
    search_queries,
)
from imprint.lenses.leave_one_out.search.reconstruction import (
    Reconstruction,
    pixel_correlation,
    psnr,
    reconstructions,
)
from imprint.lenses.leave_one_out.study.fit import Fit, check_fit, check_one_noise, double_device
from imprint.lenses.leave_one_out.study.inputs import Inputs, Pixels
from imprint.lenses.leave_one_out.study.search_options import OptimiseOptions
from imprint.lenses.leave_one_out.study.study import facts_of, read_fitted
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.report.summary import finish
from imprint.stats import median, proportion
from imprint.study.json_io import read_json, write_json
from imprint.study.options import DataChoice
from imprint.study.step_settings import card_settings, fields_of
from imprint.study.store import Study
from imprint.study.tables import write_table

STEP = "leave_one_out_search"
GALLERY = "gallery/leave_one_out_search"
CARDS = 48
CLIMBED = ("objective", "method", "steps", "attempts", "enough", "learning_rate")
FITTED = (*fields_of(LeaveOneOutChoice, DataChoice), "channels")
"""Options that are on the card of the fit."""


def optimise_study(options: OptimiseOptions) -> dict[str, Any]:
    """Search, compare with the records, write tables, pictures and the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, or options that do not fit.
    """
    search = _search_options(options)
    _refuse_endless(options)
    check_one_noise(options)
    study, device = Study(options.out), double_device(options.device)
    with study.locked(), one_thread_a_sum():
        inputs, images, _ = read_fitted(options)
        found = check_fit(inputs, options, device)
        groups = drawn_groups(inputs, options)
        settings = {**found.settings, **card_settings(options, without=FITTED)}

        def build(folder: Path) -> None:
            _write(folder, found, groups, options, search, images)

        folder = study.step(STEP, settings, build)
        findings: dict[str, Any] = read_json(folder / "findings.json")
        return finish(study, options, facts_of(options, inputs, images), {STEP: findings})


def drawn_groups(inputs: Inputs, options: OptimiseOptions) -> Tensor:
    """Return rows of the records to remove, each group of one class, int64 ``[b, k]``.

    Raises:
        ImprintError: fewer records than are to be removed, or no class large enough.
    """
    size, count = options.group_size, options.removed
    if size < 1 or count < 1 or options.queries < 1:
        name, value = min(
            {"removed": count, "group-size": size, "queries": options.queries}.items(),
            key=lambda option: option[1],
        )
        raise ImprintError(f"--{name} is {value}: it must be at least 1")
    order = generator(options.seed, "removed records").permutation(len(inputs.index))
    groups: list[list[int]] = []
    waiting: dict[int, list[int]] = {}
    for row in order.tolist():
        group = waiting.setdefault(int(inputs.labels[row]), [])
        group.append(row)
        if len(group) == size:
            groups.append(waiting.pop(int(inputs.labels[row])))
    if len(groups) < count:
        if size == 1:
            raise ImprintError(
                f"--removed {count} is more than the {len(inputs.index)} records: ask for fewer"
            )
        made = f"{len(groups)} group{'' if len(groups) == 1 else 's'}"
        raise ImprintError(
            f"{len(inputs.index)} records make {made} of {size} of one class, not {count}: choose "
            "a smaller --removed or --group-size"
        )
    return torch.tensor(groups[:count])


def _search_options(options: OptimiseOptions) -> SearchOptions:
    return SearchOptions(
        **{name: getattr(options, name) for name in CLIMBED if name != "objective"}
    )


def _refuse_endless(options: OptimiseOptions) -> None:
    if options.objective != "mean_distance" or options.domain != "anywhere":
        return
    if chosen_kernel(options).homogeneous:
        raise ImprintError(
            "under this kernel the mean distance grows without limit with the length of a query: "
            "choose --domain sphere or box, or another --objective"
        )


def _write(
    folder: Path,
    found: Fit,
    groups: Tensor,
    options: OptimiseOptions,
    search: SearchOptions,
    images: ImageSet | None,
) -> None:
    folder.mkdir(exist_ok=True)
    groups = groups.to(found.device)
    leak = LeakOfQueries(found.kernel, found.values, found.posterior, groups, options.objective)
    lower, upper = _range(found)
    domain = _domain(options, found, lower, upper)
    starts = _starts(options, found, groups, lower, upper)
    reached = search_queries(leak, starts, search, domain)
    removed = groups.flatten()
    asked = reached.queries.repeat_interleave(options.group_size, dim=0)
    alike = reconstructions(asked, found.values, removed)
    columns = _columns(found.inputs, removed, reached, alike, options.group_size)
    if found.inputs.pixels is not None:
        columns |= _likeness(alike.scaled, found.values[removed], found.inputs.pixels)
    write_table(folder / "records.parquet", columns)
    np.save(folder / "queries.npy", reached.queries.cpu().numpy())
    cards = []
    if images is not None and found.inputs.pixels is not None:
        starts_shown = reached.starts.repeat_interleave(options.group_size, dim=0)
        rows = torch.arange(len(removed), device=removed.device)
        shown = {"start": starts_shown[rows, alike.query], "query": alike.scaled}
        cards = _cards(folder, found.inputs, images, columns, removed, shown)
    write_json(folder / "gallery.json", {"cards": cards})
    write_json(folder / "findings.json", _findings(columns, options, len(groups)))


def _range(found: Fit) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest input, in the shape of one."""
    values = found.values
    if found.inputs.pixels is None:
        return tuple(edge.expand(values.shape[1:]) for edge in torch.aminmax(values))  # type: ignore[return-value]
    edges = [np.full((1, *values.shape[1:]), value) for value in (0.0, 1.0)]
    low, high = (torch.from_numpy(found.inputs.pixels.scaled(edge)[0]) for edge in edges)
    return low.to(values), high.to(values)


def _domain(options: OptimiseOptions, found: Fit, lower: Tensor, upper: Tensor) -> Domain:
    if options.domain == "box":
        return Box(lower, upper)
    if options.domain == "sphere":
        return Sphere(float(found.values.flatten(1).norm(dim=1).median()))
    return Anywhere()


def _starts(
    options: OptimiseOptions, found: Fit, groups: Tensor, lower: Tensor, upper: Tensor
) -> Starts:
    names = found.inputs.index[groups[:, 0].cpu().numpy()].tolist()
    if options.start == "noise":
        return noise_starts(lower, upper, names, options.queries, options.seed)
    rows = torch.arange(len(found.values), device=groups.device)
    allowed = [rows[~torch.isin(rows, group)] for group in groups]
    return record_starts(found.values, allowed, names, options.queries, options.seed)


def _columns(
    inputs: Inputs, removed: Tensor, reached: FoundQueries, alike: Reconstruction, size: int
) -> dict[str, Any]:
    """Return one row a removed record; what belongs to its search stands beside each."""
    searches = {
        "certificate": reached.certificate,
        "objective": reached.objective,
        "kl_out_in": reached.reached.kl_out_in(),
        "kl_out_in_at_record": reached.own.kl_out_in(),
        "auc": reached.reached.auc(),
        "auc_at_record": reached.own.auc(),
        "attempt": reached.attempt,
        "steps": reached.steps,
        "evaluations": reached.evaluations,
    }
    records = {
        "query": alike.query,
        "cosine": alike.cosine,
        "scaled_error": alike.scaled_error,
        "error": alike.error,
        "identified": alike.identified,
    }
    columns = {name: values.repeat_interleave(size) for name, values in searches.items()} | records
    rows = removed.cpu().numpy()
    return {
        "index": inputs.index[rows],
        "label": inputs.labels[rows],
        "search": np.repeat(np.arange(len(rows) // size), size),
        "nearest": inputs.index[alike.nearest.cpu().numpy()],
        **{name: values.cpu().numpy() for name, values in columns.items()},
    }


def _likeness(images: Tensor, truth: Tensor, pixels: Pixels) -> dict[str, Any]:
    """Return how like the records found images look, scaled to them and cut to what pixels show."""
    shown, record = (pixels.unit(side.cpu().numpy()) for side in (images, truth))
    one, other = torch.from_numpy(np.clip(shown, 0, 1)), torch.from_numpy(record)
    return {
        "psnr": psnr(one, other, 1.0).numpy(),
        "pixel_correlation": pixel_correlation(one, other).numpy(),
    }


def _findings(columns: dict[str, Any], options: OptimiseOptions, searches: int) -> dict[str, Any]:
    first = np.arange(0, len(columns["index"]), options.group_size)
    reached = columns["certificate"][first]
    identified = columns["identified"]
    return {
        "searches": searches,
        **{name: getattr(options, name) for name in ("group_size", "queries", *CLIMBED, "start")},
        "domain": options.domain,
        "noise": options.noise[0],
        "success": proportion(int((reached >= options.enough).sum()), searches).to_dict(),
        "identified": proportion(int(identified.sum()), len(identified)).to_dict(),
        "certificate": {
            "median": median(reached).to_dict(),
            "least": float(reached.min()),
            "most": float(reached.max()),
        },
        "scaled_error": median(columns["scaled_error"]).to_dict(),
        **{
            name: median(columns[name]).to_dict()
            for name in ("psnr", "pixel_correlation")
            if name in columns and np.isfinite(columns[name]).all()
        },
        "evaluations": float(columns["evaluations"][first].mean()),
    }


def _cards(
    folder: Path,
    inputs: Inputs,
    images: ImageSet,
    columns: dict[str, Any],
    removed: Tensor,
    shown: dict[str, Tensor],
) -> list[dict[str, Any]]:
    """Write pictures of the first records; return their cards."""
    assert inputs.pixels is not None
    cards = []
    for row in range(min(CARDS, len(removed))):
        index = int(columns["index"][row])
        card = {
            "index": index,
            "name": images.name_of(index),
            "label": inputs.classes[int(columns["label"][row])],
            "image": save_whole(folder, images, index, "image", CARD_SIDE),
            "nearest": images.name_of(int(columns["nearest"][row])),
            "identified": bool(columns["identified"][row]),
            **{name: float(columns[name][row]) for name in ("certificate", "scaled_error")},
            "steps": int(columns["steps"][row]),
        }
        for kind, pictures in shown.items():
            name = f"{kind}_{index}.png"
            _save(folder / name, pictures[row], inputs.pixels)
            card[kind] = {"file": name}
        cards.append(card)
    return cards


def _save(path: Path, image: Tensor, pixels: Pixels) -> None:
    """Write an input ``[C, H, W]`` as a picture, cut to what pixels can show."""
    whole = np.round(255 * np.clip(pixels.unit(image.cpu().numpy()), 0, 1)).astype(np.uint8)
    to_picture(whole).save(path)
