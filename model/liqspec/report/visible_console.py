"""A console on which no text can act, and on which a long line is continued with an indent.

What comes from an engine or a file is printed with its controls visible.
"""

import textwrap
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from liqspec.edge.texts import visible
from liqspec.report.hanging import hanging


def foreign(text: str) -> str:
    """A text from outside as markup that shows it as it is, on one line."""
    return escape(visible(text))


def indented(text: str) -> str:
    """Lines from outside as they are, indented: none of them may look like a result. To be printed without markup."""
    return textwrap.indent(visible(text, kept="\n"), " " * 4)


class VisibleConsole(Console):
    """A console that escapes what is not printable in all that it renders, except line feeds and tabs.

    With `hangs`, because its width is known, a long line of markup is continued below the beginning of its text.
    """

    def __init__(self, *, hangs: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.hangs = hangs

    def print(self, *objects: Any, **options: Any) -> None:
        """Print them; a line of markup that would run over is broken between words."""
        if self.hangs and options.get("markup", True) and objects and all(isinstance(one, str) for one in objects):
            lines = self.render_str(" ".join(objects)).split(allow_blank=True)
            objects = (Text("\n").join(hanging(line, self.width) for line in lines),)
            options["soft_wrap"] = True
        super().print(*objects, **options)

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
