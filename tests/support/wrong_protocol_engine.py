"""The model over the protocol, wrong in one way that its first argument names: a process for tests."""

import json
import os
import re
import sys
import time
import unicodedata
from collections.abc import Callable
from typing import Any

from liqspec.conform.oracle import Oracle
from liqspec.core.engine import Engine
from liqspec.edge import protocol
from liqspec.edge.protocol import MAX_LINE

Served = Callable[[bytes], bytes]


def rewritten(pattern: bytes, by: bytes) -> Callable[[Oracle], Served]:
    """An engine that reads a spelling as another one."""
    return lambda oracle: lambda line: oracle.reply(re.sub(pattern, by, line))


def last_of_repeated_keys(oracle: Oracle) -> Served:
    """Of keys that are the same only when escapes are read, the last one counts; an exact repetition is refused."""

    def reply(line: bytes) -> bytes:
        done = oracle.reply(line)
        if b"is repeated" in done and b"\\u" in line and not re.search(rb'("\w+":).*\1', line):
            return oracle.reply(json.dumps(json.loads(line)).encode())
        return done

    return reply


def half_a_pair(oracle: Oracle) -> Served:
    """An unpaired surrogate is a character like any other."""
    escapes = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)")
    return lambda line: oracle.reply(escapes.sub(lambda found: b"x" if found[1] else found[0], line))


def half_a_pair_in_a_key(oracle: Oracle) -> Served:
    """The same in a key, and nowhere else."""
    half = re.compile(rb"\\u[dD][89a-fA-F]..")
    return lambda line: oracle.reply(re.sub(rb'"[^"]*":', lambda found: half.sub(b"x", found[0]), line))


def keeping(keep: Callable[[Engine, Engine], None]) -> Callable[[Oracle], Served]:
    """A reset keeps something of the run before: what `keep` takes from it for the new one."""

    def made(oracle: Oracle) -> Served:
        def reply(line: bytes) -> bytes:
            before = oracle._engine
            done = oracle.reply(line)
            after = oracle._engine
            if before is not None and after is not None and after is not before:
                keep(before, after)
                done = protocol.write_line({"ok": True, "observation": after.observe()})
            return done

        return reply

    return made


def keep_cash(before: Engine, after: Engine) -> None:
    """The vault's cash is that of the run before."""
    after.state.vault.cash = before.state.vault.cash


def keep_time(before: Engine, after: Engine) -> None:
    """Time continues from one run to the next."""
    after.state.time = max(before.state.time, after.state.time)


def keep_block(before: Engine, after: Engine) -> None:
    """Blocks are counted on from one run to the next."""
    after.state.block = before.state.block


def keep_marks(before: Engine, after: Engine) -> None:
    """Marks of markets that the run before had too are those of then."""
    after.state.marks |= {name: mark for name, mark in before.state.marks.items() if name in after.state.marks}


def keep_accounts(before: Engine, after: Engine) -> None:
    """Accounts that the run before had too have their collateral, their pools and their positions."""
    after.state.accounts.update((name, kept) for name, kept in before.state.accounts.items())


def keep_vault_positions(before: Engine, after: Engine) -> None:
    """The vault holds what it held."""
    after.state.vault.positions = before.state.vault.positions


def keep_pool_windows(before: Engine, after: Engine) -> None:
    """The windows of pools stay open."""
    for name, account in after.state.accounts.items():
        if name in before.state.accounts:
            account.cross.window = before.state.accounts[name].cross.window


def keeping_of_positions(name: str) -> Callable[[Oracle], Served]:
    """What belongs to a key is there again when the key is opened in the next run.

    A kept failure would be no defect: a pool that is not in liquidation forgets it (LIQ-10), as the opening one is.
    """

    def made(oracle: Oracle) -> Served:
        kept = dict[str, Any]()

        def reply(line: bytes) -> bytes:
            before, held = oracle._engine, dict[str, Any]()
            if before is not None:
                held = {position.key: getattr(position, name) for _, position in before.state.positions()}
            done = oracle.reply(line)
            after = oracle._engine
            if after is not before:
                kept.clear()
                kept.update(held)
            elif after is not None and b'"ok":true' in done:
                for _, position in after.state.positions():
                    if (value := kept.pop(position.key, None)) is not None:
                        setattr(position, name, position.life + value if name == "life" else value)
                done = protocol.write_line({"ok": True, "observation": after.observe()})
            return done

        return reply

    return made


def forgetful(oracle: Oracle) -> Served:
    """A hello in the middle of a run ends it."""

    def reply(line: bytes) -> bytes:
        done = oracle.reply(line)
        if b'"observes"' in done:
            oracle._engine = None
        return done

    return reply


def composing(oracle: Oracle) -> Served:
    """Names that are unknown as they are written are looked for in their composed form."""

    def reply(line: bytes) -> bytes:
        done = oracle.reply(line)
        if b"unknown_account" in done or b"unknown_market" in done:
            return oracle.reply(unicodedata.normalize("NFC", line.decode()).encode())
        return done

    return reply


def dropping(oracle: Oracle) -> Served:
    """A configuration that is not valid ends the run before."""

    def reply(line: bytes) -> bytes:
        done = oracle.reply(line)
        if b'"config: ' in done:
            oracle._engine = None
        return done

    return reply


def reopening(oracle: Oracle) -> Served:
    """A configuration that is not valid reopens the settled markets of the run before."""

    def reply(line: bytes) -> bytes:
        done = oracle.reply(line)
        if b'"config: ' in done and oracle._engine is not None:
            oracle._engine.state.settled.clear()
        return done

    return reply


def short(oracle: Oracle) -> Served:
    """A line of exactly 1 MiB is too long."""
    return lambda line: oracle.reply(line if len(line) < MAX_LINE else b"")


def brittle(oracle: Oracle) -> Served:
    """A longer line than 1 MiB is its end."""
    return lambda line: oracle.reply(line) if len(line) <= MAX_LINE else os._exit(3)


def half_a_character(oracle: Oracle) -> Served:
    """What it reads at once must be UTF-8: it takes no line with a character across the end of 64 KiB."""
    size = 1 << 16
    return lambda line: oracle.reply(b"" if line[size : size + 1] and line[size] & 0xC0 == 0x80 else line)


def counting(oracle: Oracle) -> Served:
    """The third run of a process counts its first block twice: what a static counter does."""
    runs = 0

    def reply(line: bytes) -> bytes:
        nonlocal runs
        done = oracle.reply(line)
        runs += b'"reset"' in line[:14] and b'"ok":true' in done
        if runs > 2 and b'"block"' in line and b'"ok":true' in done and oracle._engine is not None:
            oracle._engine.state.block += 1
            return protocol.write_line({"ok": True, "observation": oracle._engine.observe()})
        return done

    return reply


WAYS: dict[str, Callable[[Oracle], Served]] = {
    "accepts a repeated key": last_of_repeated_keys,
    "accepts an unpaired surrogate": half_a_pair,
    "accepts an unpaired surrogate in a key": half_a_pair_in_a_key,
    "reads a name up to a zero": rewritten(rb'("account":"[^"\\]+)\\u0000[^"]*', rb"\1"),
    "accepts a control character": rewritten(rb'(?<=[a-zA-Z0-9])[\x01\x08\t\x0b\x1f](?=")', b""),
    "composes names that it does not know": composing,
    "refuses a rate of -0": rewritten(rb'"fee_rate":"-0"', rb'"fee_rate":"-1"'),
    "refuses all as a share": rewritten(rb'_fraction":"07/7"', rb'_fraction":"8/7"'),
    "counts a minus as a digit": rewritten(rb':"-((?:0\.?){30}[\d.]*)"', rb':"-0\1"'),
    "accepts 1.0": rewritten(rb":(\d+)\.0([,}])", rb":\1\2"),
    "accepts NaN": rewritten(rb":NaN", b":7"),
    "refuses 2^53 - 1": rewritten(rb":9007199254740991([,}])", rb":9007199254740992\1"),
    "refuses amounts of 78 digits": rewritten(rb':"((?:0\.?){30}[\d.]*)"', rb':"0\1"'),
    "refuses decimals of 78 digits": rewritten(rb':"([\d.]*\.[\d.]*0{30})"', rb':"\g<1>0"'),
    "refuses a least order of 0": rewritten(rb'"min_order_notional":"0"', rb'"min_order_notional":"1"'),
    "refuses long names of other planes": rewritten(rb"((?:\\ud835\\udc01){128})", rb"\1x"),
    "accepts a byte order mark": rewritten(rb"^\xef\xbb\xbf", b""),
    "accepts an id": rewritten(rb',"id":1\}$', b"}"),
    "refuses an escaped slash": rewritten(rb"\\/", rb"\\x"),
    "takes no character in two parts": half_a_character,
    "accepts U+2065 in a name": rewritten(rb"\\u2065", b""),
    "finds a method in place of an account": rewritten(rb'"account":"(constructor|__class__)"', b'"account":7'),
    "looks for the account before other fields": rewritten(rb'^(.*"account":"nobody".*),"x":1', rb"\1"),
    "refuses a factor above 10": rewritten(rb'"factor":"(\d{2,})', rb'"factor":"0.\1'),
    "keeps the cash": keeping(keep_cash),
    "keeps the time": keeping(keep_time),
    "keeps the block": keeping(keep_block),
    "keeps the marks": keeping(keep_marks),
    "keeps the accounts": keeping(keep_accounts),
    "keeps the positions of the vault": keeping(keep_vault_positions),
    "keeps the windows of pools": keeping(keep_pool_windows),
    "keeps the attempts": keeping_of_positions("attempted"),
    "keeps the orders": keeping_of_positions("order"),
    "keeps the windows": keeping_of_positions("window"),
    "keeps the lives": keeping_of_positions("life"),
    "counts runs": counting,
    "forgets at a hello": forgetful,
    "drops the run": dropping,
    "reopens settled markets": reopening,
    "takes no line of 1 MiB": short,
    "dies of a long line": brittle,
}


def main(way: str, hello: dict[str, Any]) -> None:
    """Serve the protocol, in this way; `hello` is added to what the engine says of itself."""
    oracle = Oracle(sys.stderr, with_effects=False)
    served = WAYS[way](oracle) if way in WAYS else oracle.reply
    for given in sys.stdin.buffer:
        if way == "loses a last line" and not given.endswith(b"\n"):
            return
        reply = served(given.removesuffix(b"\n")[: MAX_LINE + 1])
        if hello and b'"observes"' in reply:
            reply = protocol.write_line({**json.loads(reply), **hello})
        sys.stdout.buffer.write(reply)
        sys.stdout.buffer.flush()
        if oracle.ended and way != "reads on after its bye":
            sys.exit(4 if way == "ends with status 4" else 0)
    while way == "stays when its input ends":
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]) if sys.argv[2:] else {})
