"""Long lines for people: broken between words, and continued below the beginning of the text."""

import re

from rich.cells import cell_len
from rich.text import Text

# The label before the text of a line: its indent, its number or its side, its rule, its subject.
_LABEL = re.compile(r" *(?:\d[\d.]* +|(?<= )[AB] +)?(?:[A-Z]+-\d+ +)?(?:\S+ {2,})?")
_STEP = 2  # characters by which a line without such a label is continued to the right


def hanging(line: Text, width: int) -> Text:
    """A line as several, at most `width` characters each, except that no word is ever cut."""
    label = _LABEL.match(line.plain)
    column = 0 if label is None else label.end()
    indent = column or _STEP
    if column > width // 2:  # too little is left after the label
        column, indent = 0, min(len(line.plain) - len(line.plain.lstrip()) + _STEP, width // 2)
    breaks, used = [column], column
    for word in re.finditer(r"\S+\s*", line.plain[column:]):
        if used > breaks[0] and used + cell_len(word[0].rstrip()) > width:
            breaks.append(column + word.start())
            used = indent
        used += cell_len(word[0])
    head, *rest = line.divide(breaks)
    for one in rest:
        one.rstrip()
    return head + Text("\n" + " " * indent).join(rest)
