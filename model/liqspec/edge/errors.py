"""The errors that a user can fix: each is one line that says what is wrong, where, and what to do."""


class InvalidInput(ValueError):
    """A file, a value or a set-up that a command cannot work with; the command line prints it and exits with 2."""


class MissingExtra(InvalidInput):
    """A library that only some uses need is not installed."""

    def __init__(self, use: str, library: str, extra: str) -> None:
        super().__init__(f"{use} needs {library}: pip install 'liqspec[{extra}]'")
