"""What a section of the page is built of: a verdict, paragraphs, tables, figures, galleries, lists.

A lens says what a section holds; how it looks stands in one template, ``blocks.html.j2``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

from markupsafe import Markup

from imprint.report.headline import Headline
from imprint.report.prose import Text, prose
from imprint.report.templating import render


@runtime_checkable
class Drawn(Protocol):
    """Something that draws itself, as tables, figures and galleries do."""

    def html(self) -> Markup:
        """Return it as HTML for the page."""


@dataclass(frozen=True)
class Verdict:
    """The heading sentence of a section, what it rests on, and warnings.

    Attributes:
        statement: one sentence without its full stop.
        paragraphs: what was asked, of what, and how.
        warnings: each begins with what is wrong, marked bold.
        found: whether something was found; else its numbers are not coloured.
        anchor: id on the page.
        link: what a link at the top of the page is called; empty for none.
    """

    statement: Text
    paragraphs: Sequence[Text] = ()
    warnings: Sequence[Text] = ()
    found: bool = True
    anchor: str = ""
    link: str = ""
    kind: ClassVar[str] = "verdict"


@dataclass(frozen=True)
class Headlines:
    """A few large numbers side by side."""

    headlines: Sequence[Headline]
    kind: ClassVar[str] = "headlines"


@dataclass(frozen=True)
class Paragraph:
    """Sentences.

    Attributes:
        text: what they say.
        tone: ``note`` is muted, ``remark`` has a line beside it, ``plain`` is neither.
    """

    text: Text
    tone: Literal["note", "remark", "plain"] = "note"
    anchor: str = ""
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list.

    Attributes:
        items: what it says, or pairs of a name and what is said of it.
        title: heading; empty for none.
    """

    items: Sequence[Text | tuple[str, Text]]
    title: str = ""
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Figures:
    """Figures, two beside each other where there is room.

    Attributes:
        figures: in their order.
        in_rows: whether they are read from left to right, else column by column.
    """

    figures: Sequence[Drawn]
    in_rows: bool = False
    kind: ClassVar[str] = "figures"


@dataclass(frozen=True)
class Facts:
    """Large numbers with a word each, such as how many images there are."""

    facts: Sequence[tuple[str, Text]]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class ControlResult:
    """A control of the audit: what was expected where there is nothing to find, and what came.

    Attributes:
        name: of the control.
        what: what it does, sentences.
        passed: whether it held.
        value: what came, as it is written.
        expected: what ought to come.
        interval: beside the value.
    """

    name: str
    what: str
    passed: bool
    value: str
    expected: str
    interval: str = ""


@dataclass(frozen=True)
class Controls:
    """Controls, each passed or failed."""

    controls: Sequence[ControlResult]
    kind: ClassVar[str] = "controls"


@dataclass(frozen=True)
class Columns:
    """Groups of blocks beside each other where there is room."""

    columns: Sequence[Sequence[Block]]
    kind: ClassVar[str] = "columns"


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away behind a line."""

    summary: str
    blocks: Sequence[Block]
    open: bool = False
    kind: ClassVar[str] = "details"


@dataclass(frozen=True)
class Part:
    """A part of a section under a heading of its own.

    Attributes:
        title: the heading; empty for none.
        blocks: what it holds.
        anchor: id on the page.
        link: what a link at the top of the page is called; empty for none.
    """

    title: str
    blocks: Sequence[Block]
    anchor: str = ""
    link: str = ""
    kind: ClassVar[str] = "part"


Block = (
    Verdict | Headlines | Paragraph | Bullets | Figures | Facts | Controls | Columns | Details
    | Part | Drawn
)  # fmt: skip
"""What a section may hold: these, and tables, figures and galleries."""


def missing_list(
    missing: Mapping[str, str], spell: Callable[[str], str] = str
) -> Iterator[Bullets]:
    """Yield a list of what is missing and why; nothing where nothing is.

    Args:
        missing: sentences without their full stop by name.
        spell: how a name is written.
    """
    if missing:
        yield Bullets(
            [prose("<b>{}</b> is missing: {}.", spell(name), why) for name, why in missing.items()]
        )


def conclusions(shown: Sequence[Text], not_shown: Sequence[Text]) -> Part:
    """Return what a section shows and what not to conclude from it, beside each other."""
    lists = (("What this shows", shown), ("What not to conclude", not_shown))
    return Part("", [Columns([[Bullets(items, title)] for title, items in lists if items])])


def draw_block(block: Block) -> Markup:
    """Return a block as HTML."""
    if isinstance(block, Drawn):
        return block.html()
    return Markup(render("blocks.html.j2", kind=block.kind, block=block, draw=draw_block))


def draw_blocks(blocks: Sequence[Block]) -> Markup:
    """Return blocks one after the other as HTML."""
    return Markup("\n").join(map(draw_block, blocks))
