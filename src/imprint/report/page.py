"""One self-contained HTML page about a study: no network, no files beside it.

The page is a function of the study folder alone: the same study gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imprint.core.durable import replacing
from imprint.report.front import FrontPage, contents, front_page
from imprint.report.plot_files import DAY, plots_as_files
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import lookup, mapping, read_summary
from imprint.report.templating import render


def write_report(root: Path, plots: Path | None = None, stamp: str = "") -> Path:
    """Write ``report.html`` of a study, whole or not at all; return its path.

    Args:
        root: the study folder; ``summary.json`` and the tables and pictures it speaks of are read.
        plots: a folder that also gets every plot as an SVG and a PNG file; None for none.
        stamp: date or label of the run, in place of that of the summary; empty for the latter.

    Raises:
        ImprintError: something the page needs is missing or damaged, or it cannot be written.
    """
    summary = read_summary(root)
    if stamp:
        summary = {**summary, "stamp": stamp}
    with plots_as_files(plots) if plots is not None else nullcontext():
        html = _draw(root, summary)  # figures are drawn with the page they stand on
    path = root / "report.html"
    with replacing(path) as temporary:
        temporary.write_bytes(html.encode("utf-8", errors="replace"))
    return path


def _draw(root: Path, summary: Mapping[str, Any]) -> str:
    """Return the page of a study."""
    built = [SECTIONS.get(name)(root, summary) for name in SECTIONS.names()]
    sections = sorted(
        (section for section in built if section is not None),
        key=lambda section: (section.order, section.key),
    )
    name = str(lookup(summary, "data", "name"))
    return render_page(
        name=name,
        trained_on=str(mapping(summary, "data").get("trained_on", name)),
        version=str(lookup(summary, "imprint")),
        sections=sections,
        front=front_page(summary, sections),
    )


def render_page(
    name: str, trained_on: str, version: str, sections: Sequence[Section], front: FrontPage
) -> str:
    """Return the page; its policy forbids every load and every script but its own."""
    script = render("page.js.j2")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return render(
        "page.html.j2",
        name=name,
        trained_on=trained_on,
        version=version,
        front=front,
        contents=contents(front, sections),
        sections=[(section, section.html) for section in sections],
        style=Markup(render("style.css.j2", day=DAY)),
        script=Markup(script),
        script_hash=digest,
    )
