"""The pictures that the repository keeps are those of today's specification."""

import re
from itertools import pairwise, product
from pathlib import Path

import pytest

from liqspec.draw import views
from liqspec.edge import files
from liqspec.spec import studies
from support.paths import ROOT

FOLDER = ROOT / "diagrams"
TEXTS = [picture for picture in views.files() if picture.kind in views.TEXTS]
MARKS = [picture for picture in views.files() if picture.view.startswith(views.MARK)]


@pytest.mark.parametrize("picture", TEXTS, ids=lambda picture: picture.name)
def test_a_committed_text_is_drawn_from_the_tables(picture: views.Committed) -> None:
    """SVG is not compared byte for byte: versions of Graphviz differ. The DOT source next to it is."""
    assert (FOLDER / picture.name).read_bytes() == picture.content(), "stale: run `make diagrams`"


@pytest.mark.parametrize("picture", MARKS, ids=lambda picture: picture.name)
def test_a_committed_picture_of_a_mark_is_that_of_todays_run(picture: views.Committed) -> None:
    """Byte for byte, with the locked version of its library."""
    assert (FOLDER / picture.name).read_bytes() == picture.content(), "stale: run `make diagrams`"


def test_every_picture_is_there_and_no_other() -> None:
    """A picture that is no longer made would still be shown."""
    assert {path.name for path in FOLDER.iterdir()} == {picture.name for picture in views.files()}


def test_every_svg_has_its_source_next_to_it() -> None:
    """That of a study is its page, that of a mark or a run its scenario."""
    names = {picture.name for picture in views.files()}
    drawn = {name for name in names if name.endswith(".svg")}
    of_studies = {f"study-{name}-{theme}.svg" for name in studies.names() for theme in ("light", "dark")}
    of_scenarios = {picture.name for picture in MARKS} | {
        f"run-{views.RUN_DRAWN}-{one}.svg" for one in ("light", "dark")
    }
    assert of_studies | of_scenarios <= drawn
    assert {name.replace(".svg", ".dot") for name in drawn - of_studies - of_scenarios} <= names
    assert all((files.ROOT / "studies" / f"{name}.md").is_file() for name in studies.names())


def test_an_svg_shows_what_its_source_says() -> None:
    """Seen by the texts: every state and every transition of the source is in the image."""
    for picture in views.files():
        if picture.kind == "svg" and picture.view == "whole":
            image = (FOLDER / picture.name).read_text("utf-8")
            source = (FOLDER / picture.name.replace(".svg", ".dot")).read_text("utf-8")
            for name in ("cooldown", "backstopped", "T5", "T13"):
                assert f"\t{name} [" in source
                assert f"<title>{name}</title>" in image


# --------------------------------------------------------------------------------------- how the lifecycle is laid out

Point = tuple[float, float]
LIFECYCLES = sorted(FOLDER.glob("machine-*.svg")) + sorted(FOLDER.glob("venue-*.svg"))


def curve(image: str, start: str, end: str) -> list[Point]:
    """Points along the last line from one to another, which Graphviz draws as cubic curves."""
    return curves(image, start, end)[-1]


def curves(image: str, start: str, end: str) -> list[list[Point]]:
    """Points along each line from one to another."""
    name = rf"<title>{start}(?::\w+)?&#45;&gt;{end}(?::\w+)?</title>"
    return [_points(drawn) for drawn in re.findall(rf'{name}\s*<path [^>]*\bd="([^"]+)"', image)]


def _points(drawn: str) -> list[Point]:
    points = [(float(x), float(y)) for x, y in re.findall(r"(-?[0-9.]+),(-?[0-9.]+)", drawn)]
    found = []
    for begin in range(0, len(points) - 1, 3):
        a, b, c, d = points[begin : begin + 4]
        for part in range(21):
            t = part / 20
            weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found


def cross(one: list[Point], other: list[Point]) -> bool:
    """Whether two lines have a point in common."""

    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return any(
        side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
        for (a, b), (c, d) in product(pairwise(one), pairwise(other))
    )


@pytest.mark.parametrize("path", LIFECYCLES, ids=lambda path: path.name)
def test_the_title_and_the_legend_are_above_the_lifecycle(path: Path) -> None:
    image = path.read_text("utf-8")
    before, _, after = image.partition('class="node"')
    (lowest,) = re.findall(r'y="(-?[0-9.]+)"[^>]*>A label is: ', before)
    assert ">The lifecycle of a position" in before
    heights = [float(y) for y in re.findall(r'<text [^>]*y="(-?[0-9.]+)"', after)]
    assert all(float(lowest) < y for y in heights)


@pytest.mark.parametrize("path", LIFECYCLES, ids=lambda path: path.name)
def test_liquidation_and_recovery_in_cooldown_do_not_cross_and_a_further_fill_is_a_loop(path: Path) -> None:
    """T2 and T3 lead between the same two states; T6 leaves a partly liquidated position and comes back to it."""
    image = path.read_text("utf-8")
    again, recovery = curve(image, "liquidatable", "T2"), curve(image, "liquidatable", "T3")
    assert not cross(again, recovery)
    away, back = curves(image, "partially_liquidated", "T6")
    assert not cross(away, back)
    across = max(x for x, _ in back) - min(x for x, _ in back)
    down = max(y for _, y in back) - min(y for _, y in back)
    assert min(across, down) > 24, "wide enough to be seen"


def test_the_crossing_of_two_lines_is_seen() -> None:
    assert cross([(0, 0), (2, 2)], [(0, 2), (2, 0)])
    assert not cross([(0, 0), (2, 2)], [(0, 1), (2, 3)])
