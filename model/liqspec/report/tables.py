"""Tables in which no word is ever cut, so that every name in them can be typed as it is printed."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from liqspec.report.hanging import hanging

_EDGE = 1  # characters between two columns, and on either side of a table


class WholeWords(Table):
    """A table that breaks its cells between words only; each row becomes a block where it does not fit even so."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Any:
        """The table as wide as it may be, or its rows as blocks: the first cell, then the others with their titles."""
        texts = [[_text(cell) for cell in (column.header, *column.cells)] for column in self.columns]
        least = [max(len(word) for text in column for word in text.plain.split() or [""]) for column in texts]
        most = [max(text.cell_len for text in column) for column in texts]
        room = options.max_width - _EDGE - len(texts) * (_EDGE + self.padding[1] + self.padding[3])
        if sum(least) > room:
            yield from (hanging(line, options.max_width) for line in self._blocks(texts))
            return
        cap = max(most)
        while sum(_widths(least, most, cap)) > room:
            cap -= 1
        for column, width in zip(self.columns, _widths(least, most, cap), strict=True):
            column.width = width
        yield from super().__rich_console__(console, options)

    def _blocks(self, texts: list[list[Text]]) -> Iterator[Text]:
        if self.title:
            yield _text(self.title)
        titles = [column[0].plain for column in texts]
        for first, *others in zip(*(column[1:] for column in texts), strict=True):
            yield Text.assemble((first.plain, "bold"))
            for title, text in zip(titles[1:], others, strict=True):
                if text.plain:
                    yield Text.assemble(f"  {title}: ", text)


def table(*titles: str, right: Iterable[str] = (), title: str | None = None) -> WholeWords:
    """A table of these columns; those in `right` are numbers, and stand to the right."""
    made = WholeWords(*titles, title=title, title_justify="left")
    for column in made.columns:
        column.justify = "right" if column.header in set(right) else "left"
    return made


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text.from_markup(str(cell))


def _widths(least: list[int], most: list[int], cap: int) -> list[int]:
    """The width of each column: what its cells need, at most `cap`, but never less than the longest word."""
    return [max(shortest, min(longest, cap)) for shortest, longest in zip(least, most, strict=True)]
