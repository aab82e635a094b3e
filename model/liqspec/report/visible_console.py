"""A console on which no text can act: what comes from an engine or a file is printed with its controls visible."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from liqspec.edge.texts import visible


class VisibleConsole(Console):
    """A console that escapes what is not printable in all that it renders, except line feeds and tabs."""

    def render(self, *renderable: Any, **options: Any) -> Iterable[Segment]:
        """The segments of a renderable; the console's own controls, such as its colours, stay."""
        for segment in super().render(*renderable, **options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text, kept="\n\t"), segment.style)
