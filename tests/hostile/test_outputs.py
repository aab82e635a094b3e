"""What a command prints and writes: nothing passes by the sink, no text from outside acts, and no file is lost."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

import liqspec.cli.conform as conform_command
from liqspec.cli import streams
from liqspec.conform.finding import EngineFault, Fault
from liqspec.edge import writing
from liqspec.edge.json_text import json_text
from liqspec.report.visible_console import VisibleConsole, foreign
from support.builders import small_config
from support.commands import run_here
from support.forked import Commands, Ended
from support.paths import ENGINES, ROOT

MODEL = ROOT / "model/liqspec"
LINE = "all are as the rules say"
HOSTILE = (
    "\x1b[2J\x1b]0;title\x07",
    "\x9b2J\x85\x7f\x00\r",
    "\u202e\u2066\u2069\u200e\u200f\u061c",
    f"a\u2028{LINE}\u2029{LINE}\n{LINE}",
    "[/x][bold red]\\",
    f"[/bold]\n[bold green]{LINE}[/bold green]",
)


def is_harmless(text: str) -> bool:
    """Whether a text has no control but line feeds and tabs (of pictures, blanks too), and no line that is forged."""
    return all(one.isprintable() or one in "\n\t\xa0" for one in text) and not any(
        line.startswith((LINE, "[bold green]")) for line in text.split("\n")
    )


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True).replace("\\u007f", "\x7f").replace("\x7f", "\\u007f")


def story(evil: str) -> str:
    said = quoted(evil)
    return (
        f"title = {said}\nstory = {said}\nvenue = 'evil.toml'\nmarks = {{ BTC = '50000' }}\n"
        f"[[source]]\nfigure = {said}\nstatus = 'public'\nnote = {said}\n"
        f"[[report]]\nfigure = {said}\nreported = '1'\nafter_step = 1\nmeasure = 'vault.cash'\nexplanation = {said}\n"
        f"[[step]]\nnote = {said}\nexpect.refused = 'bad_request'\n"
        f"event = {{ type = 'deposit', account = {said}, amount = {said} }}\n"
    )


def venue(evil: str) -> str:
    text = (ROOT / "spec/venues/generic.toml").read_text(encoding="utf-8")
    return re.sub("^(name|title|description) = .*$", lambda found: f"{found[1]} = {quoted(evil)}", text, flags=re.M)


@pytest.mark.parametrize(
    "evil",
    ["".join(HOSTILE), *(pytest.param(one, marks=pytest.mark.thorough) for one in HOSTILE)],
    ids=["all", *map(str, range(len(HOSTILE)))],
)
def test_no_text_from_a_file_acts(
    evil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a scenario, a venue, a log, a question and a file's name; also in JSON, SVG and HTML."""
    monkeypatch.chdir(tmp_path)
    Path("evil.toml").write_text(venue(evil), encoding="utf-8")
    Path("story.toml").write_text(story(evil), encoding="utf-8")
    event = {"type": "deposit", "account": evil, "amount": evil}
    key = {"account": evil, "market": evil, "mode": "isolated"}
    lines = [
        {"format": 1, "engine": evil, "config": small_config()},
        {"event": event, "note": evil, "observation": {"positions": [{**key, "size": evil}], "pools": [key]}},
        {"event": {"type": evil}, "executed": [{"type": "fill", **key}], "accepted": True},
        {evil: evil},
    ]
    Path("log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    Path("step.json").write_text(
        json.dumps({"config": small_config(), "before": {}, "event": event, "after": {"pools": [key]}})
    )
    name = evil.replace("\0", "").replace("/", "") + ".toml"
    Path(name).write_text("title = 5\n", encoding="utf-8")
    commands = [
        *(["simulate", "story.toml", *options] for options in ([], ["--json"])),
        *(["audit", "log.jsonl", *options] for options in ([], ["--json"])),
        *(["step", "step.json", *options] for options in ([], ["--json"])),
        ["distinguish", "evil.toml", "evil.toml"],
        ["venues", "evil.toml"],
        ["simulate", "deficit", "--against", "evil.toml"],
        ["draw", "machine", "--venue", "evil.toml"],
        ["draw", "machine", "--venue", "evil.toml", "--format", "svg"],
        ["draw", "run", "story.toml", "--html"],
        ["trace", "story.toml"],
        ["simulate", name],
        ["audit", name, "--format", "csv", "--head", name],
        ["vectors", "check", name],
        ["simulate", "deficit", name.replace("\r", "")],
        [name],
    ]
    for command in commands:
        status = run_here(monkeypatch, *command)
        said = capsys.readouterr()
        assert status in (0, 1, 2), (command, said)
        printed = said.out.replace("\n", " ") if "--html" in command else said.out  # where a line is a blank
        assert is_harmless(printed) and is_harmless(said.err), (command, said)


def test_markup_that_is_not_valid_loses_nothing() -> None:
    written = io.StringIO()
    console = VisibleConsole(file=written, width=80)
    console.print("a [/x] finding")
    console.print(f"[bold]{foreign('b [/x] ' + chr(27))}[/bold]")
    assert written.getvalue() == "a [/x] finding\nb [/x] \\x1b\n"


def test_what_is_printed_past_the_console_is_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    with streams.all_visible():
        sys.stdout.write("a\x1b[2J\u202eb\tc\n")
        sys.stderr.write("\x9b\n")
        with pytest.raises(TypeError):
            sys.stdout.write(b"")  # type: ignore[arg-type]
    assert capsys.readouterr() == ("a\\x1b[2J\\u202eb\tc\n", "\\x9b\n")
    sys.stdout.write("\x07")
    assert capsys.readouterr().out == "\x07"


def test_json_is_strict_and_visible() -> None:
    assert json_text({"a": "\x1b\u202e\u2028\x7fé"}) == '{"a": "\\u001b\\u202e\\u2028\\u007fé"}'
    with pytest.raises(ValueError, match="JSON"):
        json_text(float("inf"))


# --------------------------------------------------------------------------------------------------------- the scans

# What prints or writes, and the modules that may.
SINKS = {
    "print": (),
    "Console": (),
    "input": (),
    "VisibleConsole": ("cli/app.py", "conform/report.py", "verify/tasks.py"),
    "Terminal": ("cli/app.py",),
    "open": ("cli/app.py", "cli/streams.py", "edge/files.py", "edge/writing.py", "audit/sources.py"),
    "fdopen": ("cli/streams.py",),
    "write_text": (),
    "write_bytes": ("edge/writing.py",),
    "savefig": ("draw/timeline.py", "draw/study.py", "draw/mark.py"),
    "splitlines": (
        "conform/report.py",
        "conform/start_up.py",
        "spec/citations.py",
        "draw/lifecycle_dot.py",
        "draw/timeline_axes.py",
    ),
}


def test_texts_from_outside_are_on_one_line_of_a_console() -> None:
    """The library's own `escape` leaves line ends, after which a text may look like a result."""
    users = [path for path in MODEL.rglob("*.py") if "rich.markup" in path.read_text(encoding="utf-8")]
    assert [path.name for path in users] == ["visible_console.py"]


def test_nothing_prints_past_the_sink_and_nothing_writes_past_the_writer() -> None:
    """Also no line is split but at a line feed, except in texts that are shown."""
    found = []
    for path in sorted(MODEL.rglob("*.py")):
        place = path.relative_to(MODEL).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                bare = getattr(node.func, "id", "")
                name = getattr(node.func, "attr", "").replace("print", "") or bare  # a console prints, too
                if place not in SINKS.get(name, (place,)):
                    found.append(f"{place}:{node.lineno}: {name}")
    assert found == []


# ------------------------------------------------------------------------------------------------------- the streams


def hello_that_changes(*_: object) -> NoReturn:
    """In place of an engine, so that no process is started: a fault outside a run."""
    raise EngineFault(Fault(kind="changed its hello", message="engine: first 1, later 2"))


COMMANDS = ("simulate deficit", "draw run -", "oracle")


CLOSED = (
    "<&- >&- 2>&-",
    ">/dev/full",
    *(pytest.param(one, marks=pytest.mark.thorough) for one in ("<&-", ">&-", "2>&-", ">/dev/full 2>&1")),
)


@pytest.mark.parametrize("closed", CLOSED)
def test_streams_that_are_closed_or_full_are_no_traceback(closed: str) -> None:
    """One process for each way, because each takes half a second to start: the commands run after each other."""
    each = "; ".join(f"{sys.executable} -m liqspec {one} {closed}; echo $? >&3" for one in COMMANDS)
    done = subprocess.run(["sh", "-c", f"exec 3>&2; {each}"], input=b"", capture_output=True, check=False, timeout=120)
    said = done.stderr.decode().split("\n")
    statuses = [int(line) for line in said if line.isdigit()]
    expected = [2, 2, 0] if closed.startswith(">/dev/full") else [0, 2, 0]
    assert statuses == expected
    assert all(line.isdigit() or line.startswith("liqspec: ") for line in said if line)


ENGINE = (sys.executable, str(ENGINES / "python_engine.py"))
FEW = ("--steps", "20", "--malformed", "off")
EACH = (
    ("--version",),
    ("--help",),
    (),
    ("no-such-command",),
    ("simulate", "--no-such-option"),
    *(("audit", log) for log in ("-", str(ROOT / "spec/logs/takeover-without-an-order.jsonl"))),
    ("new", "engine", "python"),
    ("new", "venue"),
    *(("conform", *FEW, "--processes", count, "--", *ENGINE) for count in "12"),
    ("conform", "--", "/bin/true"),
    *(("distinguish", "generic", "coarse", "--budget", "0.5", *options) for options in ((), ("--json",))),
    ("explain", "LIQ-3"),
    ("properties",),
    ("oracle",),
    *(("simulate", "deficit", *options) for options in ((), ("--json",))),
    *(("venues", *names) for names in ((), ("generic",))),
    ("scenarios",),
    ("step",),
    ("study", "self-protection"),
    ("trace", "deficit"),
    *(("verify", "--scope", "minimal", "--processes", count) for count in "12"),
    ("verify", "--steps", "50", "--processes", "2"),
    ("verify", "--scope", "minimal", "--liveness"),
    *(("draw", "machine", "--format", kind) for kind in ("mermaid", "svg")),
    *(("draw", "run", "deficit", *options) for options in ((), ("--html",))),
    ("draw", "run", "-"),
    ("draw", "mark", "stale-inputs"),
    ("draw", "study", "self-protection"),
    ("vectors", "run", "--suite", "essential", "--budget", "1", "--", *ENGINE),
)
LOST = ("0", "1", "2", "01", "02", "12", "012", "1F", "2F", "1F2F", "01F2F")


@pytest.mark.thorough
@pytest.mark.parametrize("command", EACH, ids=lambda one: " ".join(one)[:40] or "nothing")
def test_each_command_without_some_of_its_streams(command: tuple[str, ...], tmp_path: Path, commands: Commands) -> None:
    """Closed, or on a full device; what cannot be written is one line and no result."""

    def run(name: str, lost: str) -> Ended:
        (tmp_path / name).mkdir()  # a new one, because `new` overwrites nothing
        return commands.run(tmp_path / name, *command, given=b'{"op":"hello"}\n', lost=lost)

    whole = run("whole", "")
    for lost in LOST:
        ended = run(lost, lost)
        where = f"{lost}: {ended.status} {ended.err[-300:]}"
        assert ended.status in (0, 1, 2), where
        assert "Traceback" not in ended.err and "internal" not in ended.err, where
        assert ended.err.count("\n") <= 1 + whole.err.count("\n"), where
        assert ended.status == 2 or not whole.out or "1F" not in lost or command == ("oracle",), where


# --------------------------------------------------------------------------------------------------------- the files


class TestAFile:
    def test_is_whole_or_as_it_was(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is left of what could not be written, and the error has its name."""
        path = tmp_path / "kept.toml"
        writing.write(path, "earlier")
        path.chmod(0o640)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            for act, name in ((writing.write, path), (writing.create, tmp_path / "new")):
                with pytest.raises(OSError, match="No space left") as caught:
                    act(name, "new")
                assert caught.value.filename == str(name)
        assert [one.name for one in tmp_path.iterdir()] == ["kept.toml"]
        assert path.read_text(encoding="utf-8") == "earlier"
        writing.write(path, "later")
        assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("later", 0o640)

    def test_that_is_a_symbolic_link_is_not_followed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        target, link = tmp_path / "target", tmp_path / "link.json"
        target.write_text("precious", encoding="utf-8")
        link.symlink_to(target)
        assert run_here(monkeypatch, "trace", "deficit", "-o", str(link)) == 2
        assert capsys.readouterr().err == f"liqspec: {link}: is a symbolic link, which is not followed\n"
        assert target.read_text(encoding="utf-8") == "precious" and link.is_symlink()

    @pytest.mark.parametrize("option", ["--junit", "--sarif", "--report"])
    @pytest.mark.parametrize("target", ["folder", "link", "absent/file"])
    def test_of_a_result_that_cannot_be_written(
        self,
        option: str,
        target: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """It is refused before anything is started; what can only be tried is reported after what was found."""
        monkeypatch.chdir(tmp_path)
        Path("folder").mkdir()
        Path("link").symlink_to("elsewhere")
        monkeypatch.setattr(conform_command, "LiveEngine", hello_that_changes)
        for named, begin, found in ((target, f"{option} {target}", False), ("/dev/full", "/dev/full", True)):
            assert run_here(monkeypatch, "conform", option, named, "--", "no-such-engine") == 2
            said = capsys.readouterr()
            assert ("does not conform" in said.out) == found
            assert said.err.startswith(f"liqspec: {begin}: ") and said.err.count("\n") == 1
            kept = ["counterexample.jsonl"] * found
            assert sorted(one.name for one in tmp_path.rglob("*")) == [*kept, "folder", "link"]

    def test_that_is_there_is_never_created(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("a", encoding="utf-8")
        with pytest.raises(FileExistsError):
            writing.create(tmp_path / "x", "b")
        assert (tmp_path / "x").read_text(encoding="utf-8") == "a"

    def test_that_is_a_device_or_a_folder(self, tmp_path: Path) -> None:
        writing.write(Path("/dev/null"), "x")
        with pytest.raises(OSError, match=str(tmp_path)):
            writing.write(tmp_path, "x")
        assert list(tmp_path.iterdir()) == []


def test_the_plotting_library_keeps_nothing_in_the_home(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "t"), "XDG_CACHE_HOME": ""}
    environment.pop("MPLCONFIGDIR", None)
    (tmp_path / "t").mkdir()
    code = "import sys; from liqspec.cli import main; sys.argv[1:] = ['draw', 'run', 'deficit']; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, timeout=120)
    assert done.stdout.startswith(b"<?xml")
    assert [one.name for one in tmp_path.rglob("*")] == ["t"]


def test_a_device_may_be_in_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user writes to /dev/stdout, and not into /dev; elsewhere a file is replaced in its folder."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    writing.check(Path("/dev/null"))
    with pytest.raises(PermissionError):
        writing.check(tmp_path / "file")
    with pytest.raises(PermissionError):
        writing.check_folder(tmp_path / "new" / "folder")
