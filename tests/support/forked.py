"""Runs commands as a user does, each in a forked process, which starts at once, and measures them.

As a program it is the server of that: it has imported everything, and forks for each request, one JSON line each.
"""

import gc
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

from attrs import frozen

from liqspec.edge.shapes import WrongShape

# Run by the server first: what they read and make is there for each try.
WARMING = (("simulate", "deficit"), ("venues",), ("explain", "T5"), ("draw", "run", "deficit", "--html"))
PATIENCE = 300  # seconds of a try, after which a signal ends it, which no test expects


@frozen(kw_only=True)
class Ended:
    """How a command ended: its status (of a signal, less than 0), what it printed, and what it took.

    `seconds` of the processor and `peak`, in bytes, are also of the processes that it started and waited for; the peak
    is that of the largest one. Of the peak about `Commands.base` bytes are the libraries.
    """

    status: int
    out: str
    err: str
    seconds: float
    peak: int


class Commands:
    """Runs commands one after the other; the server is there between `__enter__` and `__exit__`."""

    def __enter__(self) -> "Commands":
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self.base = self.run(Path(), "--version").peak
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def run(self, folder: Path, *arguments: str, given: bytes = b"", lost: str = "", forks: bool = True) -> Ended:
        """Run a command in a folder, with these bytes on its standard input.

        What is `lost` are standard streams by their numbers: closed, or with an F after it leading to a full device.
        What first reads a Parquet file is forked too, if `forks`.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {
            "folder": str(folder.absolute()),
            "arguments": arguments,
            "given": given.decode("latin-1"),
            "lost": lost,
            "forks": forks,
        }
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        reply = json.loads(self._server.stdout.readline())
        return Ended(**reply)


@contextmanager
def _unnamed(data: bytes = b"") -> Iterator[int]:
    """A file without a name that has these bytes."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file.fileno()


def _text(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="surrogateescape")


def _serve() -> None:
    """Answer requests until the end of the input."""
    from liqspec import cli  # noqa: PLC0415
    from liqspec.audit import parquet  # noqa: PLC0415
    from liqspec.cli import app  # noqa: PLC0415

    for name in app.COMMANDS:
        importlib.import_module(f"liqspec.cli.{name}")
    for name in ("liqspec.draw.timeline", "liqspec.draw.page", "liqspec.proofs.prove"):
        importlib.import_module(name)
    for arguments in WARMING:
        sys.argv = ["liqspec", *arguments]
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), suppress(SystemExit):
            cli.main()
    gc.freeze()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        with _unnamed(request["given"].encode("latin-1")) as given, _unnamed() as out, _unnamed() as err:
            child = os.fork()
            if not child:
                if request["forks"]:
                    parquet.check = _check_forked
                _run(request["folder"], request["arguments"], (given, out, err), request["lost"])
            _, ended, used = os.wait4(child, 0)
            reply = {
                "status": os.waitstatus_to_exitcode(ended),
                "out": _text(out),
                "err": _text(err),
                "seconds": used.ru_utime + used.ru_stime,
                "peak": used.ru_maxrss * 1024,
            }
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        sys.stdout.buffer.flush()


def _run(folder: str, arguments: list[str], streams: tuple[int, int, int], lost: str) -> NoReturn:
    """In the forked process: be the command."""
    from liqspec import cli  # noqa: PLC0415

    status = 99
    try:
        signal.alarm(PATIENCE)
        os.chdir(folder)
        for number, stream in enumerate(streams):
            os.dup2(os.open("/dev/full", os.O_RDWR) if f"{number}F" in lost else stream, number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            if str(number) in lost.replace(f"{number}F", ""):  # as Python finds it at its start
                os.close(number)
                setattr(sys, name, None)
        sys.argv = ["liqspec", *arguments]
        cli.main()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        for text in (sys.stdout, sys.stderr):
            with suppress(OSError):
                text.flush()
        os._exit(status)


def _check_forked(file: BinaryIO, size: int) -> None:
    """As `parquet.check`, without the start of a process."""
    from liqspec.audit import parquet  # noqa: PLC0415

    if not (child := os.fork()):
        os.dup2(file.fileno(), 0)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.argv = ["parquet", str(size)]
        parquet.main()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    file.seek(0)
    if status < 0:
        raise WrongShape("", f"the file is damaged: what reads it was ended by {signal.Signals(-status).name}")


if __name__ == "__main__":
    _serve()
