"""The skeletons of an engine, one in each of some languages: `spec/skeletons/`."""

import shlex
from pathlib import Path

from attrs import frozen

from liqspec.edge import files
from liqspec.edge.errors import InvalidInput
from liqspec.edge.texts import did_you_mean, show


@frozen
class Language:
    """A language with a skeleton: how its files end, what compiles one into a program (if anything), and what runs it.

    In `compiler` the program is {program} and the file {file}; so in `run`.
    """

    name: str
    suffix: str
    compiler: str
    run: str = "{program}"

    @property
    def text(self) -> str:
        """The skeleton."""
        return files.read_text(files.ROOT / "skeletons" / f"{self.name}{self.suffix}")

    def commands(self, file: Path) -> tuple[str, str]:
        """What builds the engine in this file, "" if nothing has to, and what starts it, as a shell reads them."""
        program = file.with_suffix("")
        # A program is started by a path that has a slash.
        place = str(program) if len(program.parts) > 1 else f"./{program}"
        words = {"file": shlex.quote(str(file)), "program": shlex.quote(place)}
        return self.compiler.format(**words), self.run.format(**words)


LANGUAGES = {
    language.name: language
    for language in (
        Language("python", ".py", "", "python3 {file}"),
        Language("javascript", ".js", "", "node {file}"),
        Language("rust", ".rs", "rustc -O -o {program} {file}"),
        Language("go", ".go", "go build -o {program} {file}"),
        Language("c", ".c", "cc -std=c11 -O2 -o {program} {file}"),
    )
}


def language(name: str) -> Language:
    """The language of a name, or of the end of its files, such as `rs`.

    Raises:
        InvalidInput: no skeleton is written in it.
    """
    wanted = name.lower()
    for known in LANGUAGES.values():
        if wanted in (known.name, known.suffix.removeprefix(".")):
            return known
    close = did_you_mean(wanted, LANGUAGES)
    raise InvalidInput(f"{show(name)}: no skeleton in this language; there are {', '.join(LANGUAGES)}{close}")
