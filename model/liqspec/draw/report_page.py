"""A report as one page that needs nothing else: a verdict, and sections of tables and lists. No text becomes markup."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from string import Template

from liqspec.draw import page
from liqspec.edge.texts import visible

_ASSETS = resources.files("liqspec.draw") / "assets"


def render(title: str, said: str, about: str, main: str, *, holds: bool) -> str:
    """The page with a verdict, and whether it holds; `main` is markup."""
    style = page.colours() + (_ASSETS / "conformance.css").read_text(encoding="utf-8")
    return Template((_ASSETS / "conformance.html").read_text(encoding="utf-8")).substitute(
        title=text(title),
        policy=escape(page.policy(style, "")),
        style=style,
        verdict="holds" if holds else "violated",
        verdict_text=text(said),
        about=text(about),
        main=main,
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "", caption: str = "") -> str:
    """Rows under titles; empty where there are none."""
    heads = "".join(f'<th scope="col">{text(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    named = f"<caption>{text(caption)}</caption>" if caption else ""
    return f'<table class="{kind}">{named}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>' if body else ""


def items(lines: Iterable[str]) -> str:
    """A list; empty where there is nothing."""
    listed = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f"<ul>{listed}</ul>" if listed else ""


def text(raw: str) -> str:
    """A text of anybody as text: escaped, with its controls shown."""
    return escape(visible(raw, kept="\n\t"))
