"""The one template environment: everything escaped, everything defined."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2


def render(template: str, **values: Any) -> str:
    """Return a template of this package filled with values; text among them is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("imprint.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
