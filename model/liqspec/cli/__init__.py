"""The command line: reads arguments, calls the tools, prints, and ends with 0 (holds), 1 (violated) or 2 (usage)."""

import sys

INTERRUPTED = 130  # as a shell reports it


def main() -> None:
    """Run the command line. Whatever ends it is an exit status and at most one line, never a traceback."""
    try:
        from liqspec.cli import streams  # noqa: PLC0415 (an interrupt during the imports is one line too)

        streams.open_closed()
        with streams.all_visible():
            from liqspec.cli.app import run  # noqa: PLC0415

            run()
    except KeyboardInterrupt:
        sys.stderr.write("liqspec: interrupted\n")
        sys.exit(INTERRUPTED)
