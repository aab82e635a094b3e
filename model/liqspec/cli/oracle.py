"""The command that serves the model to other processes."""

import sys
from typing import Annotated

import typer

from liqspec.cli import INTERRUPTED
from liqspec.cli.app import discard_output, finish
from liqspec.conform.oracle import Oracle, serve
from liqspec.spec import venues


def oracle(
    venue: Annotated[
        str | None,
        typer.Option(help="Serve only this rule set: a shipped venue's name, or a .toml file. Reported in `hello`."),
    ] = None,
    prices: Annotated[
        bool, typer.Option(help="Also observe each position's liquidation and bankruptcy price.")
    ] = False,
    effects: Annotated[bool, typer.Option(help="Tell in each reply what happened, and by which rule.")] = True,
) -> None:
    """Serve the model as a reference engine on standard input and output, by the protocol of `spec/protocol.md`.

    One request a line, one reply a line, both JSON. Whatever comes gets exactly one reply; the process ends with `bye`
    or when its input is closed.

    **Examples**

    - `liqspec oracle`
    - `liqspec oracle --venue hyperliquid`
    - `echo '{"op":"hello","protocol":1}' | liqspec oracle`
    """
    conversation = Oracle(
        sys.stderr, None if venue is None else venues.load(venue), with_effects=effects, with_prices=prices
    )
    try:
        serve(conversation, sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        discard_output()  # whoever asked has gone: that is an end like any other
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finish(True)
