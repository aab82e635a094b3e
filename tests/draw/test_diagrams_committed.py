"""The pictures that the repository keeps are those of today's specification."""

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
    """That of a study is its page, that of a mark its scenario."""
    names = {picture.name for picture in views.files()}
    drawn = {name for name in names if name.endswith(".svg")}
    of_studies = {f"study-{name}-{theme}.svg" for name in studies.names() for theme in ("light", "dark")}
    of_marks = {picture.name for picture in MARKS}
    assert of_studies | of_marks <= drawn
    assert {name.replace(".svg", ".dot") for name in drawn - of_studies - of_marks} <= names
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
