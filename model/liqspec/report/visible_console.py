"""A console on which no text can act: what comes from an engine or a file is printed with its controls visible."""

import textwrap
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from liqspec.edge.texts import visible


def foreign(text: str) -> str:
    """A text from outside as markup that shows it as it is, on one line."""
    return escape(visible(text))


def foreign_lines(text: str) -> str:
    """Lines from outside as markup that shows them as they are, indented: none of them may look like a result."""
    return escape(textwrap.indent(visible(text, kept="\n"), " " * 4))


class VisibleConsole(Console):
    """A console that escapes what is not printable in all that it renders, except line feeds and tabs."""

    def render(self, *renderable: Any, **options: Any) -> Iterable[Segment]:
        """The segments of a renderable; the console's own controls, such as its colours, stay."""
        for segment in super().render(*renderable, **options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text, kept="\n\t"), segment.style)

    def render_str(self, text: str, **options: Any) -> Text:
        """The text of markup; one that is not valid is shown as it is, so that nothing is lost."""
        try:
            return super().render_str(text, **options)
        except MarkupError:
            return super().render_str(text, **{**options, "markup": False})
