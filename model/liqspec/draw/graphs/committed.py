"""The pictures that the repository keeps in `diagrams/`: which there are, and how each is made."""

from pathlib import Path

from attrs import frozen

from liqspec.draw.graphs import views
from liqspec.draw.graphs.palette import ThemeName
from liqspec.draw.graphs.views import Format
from liqspec.spec import venues

_SUFFIXES: dict[Format, str] = {"mermaid": "mmd", "xstate": "xstate.json"}


@frozen(kw_only=True)
class Committed:
    """One file of `diagrams/`."""

    stem: str
    view: str
    kind: Format
    theme: ThemeName = "light"
    venue: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.stem}.{_SUFFIXES.get(self.kind, self.kind)}"

    def content(self) -> bytes:
        """What the file must hold.

        Raises:
            CannotDraw: the program `dot` is missing, for an SVG.
        """
        return views.draw(self.view, self.kind, self.theme, self.venue)


def files() -> list[Committed]:
    """All files; beside each SVG is the DOT source from which it was laid out."""
    pictures: list[tuple[str, str, str | None]] = [("machine", "whole", None)]
    pictures += [(f"venue-{venue}", "whole", venue) for venue in venues.names()]
    pictures += [("assessment", "assessment", None), ("scopes", "scopes", None)]
    found = []
    themes: tuple[ThemeName, ...] = ("light", "dark")
    kinds: tuple[Format, ...] = ("dot", "svg")
    for stem, view, venue in pictures:
        found.append(Committed(stem=stem, view=view, kind="mermaid", venue=venue))
        found += [
            Committed(stem=f"{stem}-{theme}", view=view, kind=kind, theme=theme, venue=venue)
            for theme in themes
            for kind in kinds
        ]
    machines: tuple[Format, ...] = ("scxml", "xstate")
    found += [Committed(stem="machine", view="whole", kind=kind) for kind in machines]
    return found


def write(folder: Path) -> list[str]:
    """Draw all files into a folder, and say which were written.

    Raises:
        CannotDraw: the program `dot` is missing.
        OSError: the folder cannot be written.
    """
    drawn = {picture.name: picture.content() for picture in files()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in drawn.items():
        (folder / name).write_bytes(content)
    return list(drawn)
