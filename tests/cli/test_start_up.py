"""What the command costs to start, and how it ends when it is stopped while it starts."""

import json
import os
import resource
import subprocess
import sys

import pytest

from liqspec.cli.app import COMMANDS
from support.commands import run_here

MOST = 18  # times `python -c pass`: a third of what it was when each command imported every tool
HEAVY = {"rich", "attrs", "attr", "cattrs", "transitions", "z3", "graphviz", "matplotlib", "pyarrow", "hypothesis"}


def _processor_time(*command: str) -> float:
    """The processor time of a command, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, capture_output=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _imported_by(*arguments: str) -> set[str]:
    """The top-level packages that a command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "liqspec", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}


def test_the_version_costs_little_more_than_an_interpreter() -> None:
    """Both are run in turn, so that whatever slows the machine slows both."""
    pairs = [(_processor_time("-m", "liqspec", "--version"), _processor_time("-c", "pass")) for _ in range(5)]
    spent, bare = (min(times) for times in zip(*pairs, strict=True))
    assert spent <= MOST * bare, f"{spent:.3f} s against {bare:.3f} s"


def test_the_version_imports_no_tool() -> None:
    imported = _imported_by("--version")
    assert "typer" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("name", ["scenarios", "venues"])
def test_a_list_imports_no_library_of_pictures_proofs_or_tables(name: str) -> None:
    imported = _imported_by(name)
    assert "rich" in imported
    assert not imported & {"z3", "graphviz", "matplotlib", "pyarrow", "hypothesis", "junitparser", "markdown_it"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, name, "--help") == 0
    assert f"liqspec {name} [OPTIONS]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typer", ["scenarios"]),
        ("liqspec.cli.app", ["scenarios"]),
        ("liqspec.cli.scenarios", ["scenarios"]),
        ("rich.console", ["scenarios"]),
        ("liqspec.cli.vectors", ["--help"]),
    ],
)
def test_an_interrupt_during_the_imports_is_one_line(module: str, arguments: list[str]) -> None:
    code = f"""
import sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
sys.argv = ["liqspec", *{arguments!r}]
from liqspec.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, "liqspec: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--help"], {"PYTHONIOENCODING": "ascii"}),
        (["explain", "MRG-5"], {"PYTHONIOENCODING": "ascii"}),
        (["properties"], {"LC_ALL": "C", "PYTHONUTF8": "0"}),
        (["simulate", "eth-march-2025"], {"LC_ALL": "C", "PYTHONUTF8": "0"}),
        (["simulate", "n\u00f6\U0001f600"], {"PYTHONIOENCODING": "ascii"}),
    ],
)
def test_an_output_that_has_only_ascii_gets_escapes(arguments: list[str], environment: dict[str, str]) -> None:
    env = {**os.environ, "PYTHONCOERCECLOCALE": "0", **environment}
    done = subprocess.run(
        [sys.executable, "-m", "liqspec", *arguments], capture_output=True, check=False, timeout=120, env=env
    )
    assert done.returncode in (0, 2)
    assert b"Traceback" not in done.stderr and b"Error:" not in done.stderr
    assert done.stdout.isascii()


def test_json_is_the_same_data_in_every_encoding() -> None:
    reported = []
    for encoding in ("ascii", "utf-8"):
        done = subprocess.run(
            [sys.executable, "-m", "liqspec", "explain", "MRG-5", "--json"],
            capture_output=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
        reported.append(json.loads(done.stdout.decode(encoding)))
    assert reported[0] == reported[1]
