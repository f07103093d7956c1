"""Sentences of the page: text with a few marked words, everything that is filled in escaped."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape

from imprint.report.wording import Writer

Text = str | Markup
"""A string is escaped where it is drawn; Markup is safe HTML."""


def prose(template: str, *values: Any, **named: Any) -> Markup:
    """Return a sentence with HTML marks, its values filled in and escaped.

    Args:
        template: written by us, never read from a file; may hold ``<b>``, ``<em>``, ``<a>``.
        values: for ``{}``; Markup stays as it is.
        named: for ``{name}``.

    >>> prose("<b>{}</b> of {whole}", "<3>", whole=9)
    Markup('<b>&lt;3&gt;</b> of 9')
    """
    return Markup(template).format(*values, **named)


def number(value: float, write: Writer) -> Markup:
    """Return a number as it is written, its exact value beside it for machines.

    >>> from imprint.report.wording import percent
    >>> number(0.6128, percent)
    Markup('<data value="0.6128">61.3%</data>')
    """
    return Markup('<data value="{}">{}</data>').format(value, write(value))


def sentences(*parts: Text) -> Markup:
    """Return the parts that are not empty, a space between them."""
    return Markup(" ").join(escape(part) for part in parts if part)


def plain(text: Text) -> str:
    """Return a text without its marks, for a terminal.

    >>> plain(prose("<b>{}</b> &amp; more", "1 < 2")), plain("1 < 2")
    ('1 < 2 & more', '1 < 2')
    """
    return str(text.striptags() if isinstance(text, Markup) else text)
