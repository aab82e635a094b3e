"""The documentation as a site: the pages of the repository where they are, each rule linked to what belongs to it.

These are hooks of the site generator (`properdocs.yml`). It checks every link of the pages; a dead one fails.
"""

import posixpath
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from properdocs.config.defaults import ProperDocsConfig
from properdocs.structure.files import File, Files
from properdocs.structure.pages import Page

from liqspec.core import machine
from liqspec.draw.page import colours
from liqspec.edge import files
from liqspec.edge.texts import counted
from liqspec.spec import rulebook
from liqspec.spec.rulebook import RULE_ID, Rule

ROOT = Path(__file__).resolve().parents[3]
_NAVIGATION = (
    ("Start", ("README.md",)),
    ("Tasks", ("docs/*.md",)),
    ("Rules", ("spec/rules.md", "spec/rules/*.md")),
    ("Reference", ("spec/*.md", "spec/scopes/README.md", "spec/vectors/README.md")),
    ("Studies", ("spec/studies/*.md",)),
    ("Project", ("ARCHITECTURE.md", "SECURITY.md", "tests/engines/README.md", "tests/adversaries/*.md")),
)
_SHOWN_BY_BROWSERS = {".svg", ".json"}  # any other file becomes a page with its text
_NOT_LISTED = ("-dark.svg", ".dot")  # each picture once, and not what it was laid out from
_BY_RULE, _LIFECYCLE = "spec/vectors/by-rule.md", "docs/lifecycle.md"

_TARGET = re.compile(r"(?<=\]\()([^)#:\s]+)")
_MERMAID = re.compile(r"^```mermaid\n.*?^```$", re.DOTALL | re.MULTILINE)
_NOT_PROSE = re.compile(r"^```.*?^```$|^~~~~.*?^~~~~$|^#.*?$|`[^`\n]*`|!?\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE)
_CITED = re.compile(rf"{_NOT_PROSE.pattern}|{RULE_ID.pattern}", re.DOTALL | re.MULTILINE)
_LINKED_RULE = re.compile(rf"^\[({RULE_ID.pattern})\]\([^)]*\)$")
_HEADING = re.compile(r"^### ([A-Z]{3}-[0-9]+) · .+$", re.MULTILINE)
_SECTION = re.compile(r"^(?=###? )", re.MULTILINE)
_CELL = re.compile(r"<td.*?</td>", re.DOTALL)
_PICTURE = re.compile(r'<img ([^>]*)src="([^"]+)-light\.svg"([^>]*)>')


def on_config(config: ProperDocsConfig) -> None:
    """Navigate by task first, then the rules, then the rest; a new page is found in its folder."""
    seen: set[str] = set()
    config.nav = []
    for title, patterns in _NAVIGATION:
        found = [name for name in _found(patterns) if name not in seen]
        seen.update(found)
        config.nav.append({title: found})


def on_files(files: Files, *, config: ProperDocsConfig) -> Files:
    """The pages of the navigation, and whatever they link to, each in its folder of the repository."""
    del files  # those of docs/ alone
    waiting = [name for _, patterns in _NAVIGATION for name in _found(patterns)]
    waiting += [*_found(("diagrams/*-dark.svg",)), *_linked(by_rule := _vectors_by_rule(), _BY_RULE)]
    published = {
        _BY_RULE: File.generated(config, _BY_RULE, content=by_rule),
        "site.css": File.generated(config, "site.css", content=colours() + _asset("site.css")),
    }
    while waiting:
        name = waiting.pop()
        address = _address(name)
        if address in published:
            continue
        if (ROOT / address).is_file():
            published[address] = File.generated(config, address, abs_src_path=str(ROOT / address))
        else:
            published[address] = File.generated(config, address, content=_made(name))
        if address.endswith(".md"):
            waiting += _linked(published[address].content_string, address)
    return Files(published.values())


def on_page_markdown(markdown: str, *, page: Page, config: ProperDocsConfig, files: Files) -> str:
    """Link what is cited, and show what is in a folder or a file of the repository."""
    del config, files
    name = page.file.src_uri
    if name.startswith("spec/rules/"):
        markdown = "".join(_with_belongings(section, name) for section in _SECTION.split(markdown))
    markdown = markdown.replace("```toml example", "```toml")
    markdown = _MERMAID.sub(f"![the lifecycle]({_relative('diagrams/machine-light.svg', name)})", markdown)
    markdown = _TARGET.sub(lambda found: _relative(_address(_absolute(found[1], name)), name), markdown)
    return _CITED.sub(lambda found: _link(found, name), markdown)


def on_page_content(html: str, *, page: Page, config: ProperDocsConfig, files: Files) -> str:
    """Show the dark picture of each pair on a dark page, each linked to its file; in a table a bar as what it is."""
    del page, config, files
    dark = r'<source srcset="\2-dark.svg" media="(prefers-color-scheme: dark)">'
    shown = rf'<a href="\2-light.svg"><picture>{dark}<img \1src="\2-light.svg"\3></picture></a>'
    return _CELL.sub(lambda found: found[0].replace("\\|", "|"), _PICTURE.sub(shown, html))


def _found(patterns: tuple[str, ...]) -> list[str]:
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return list(dict.fromkeys(path.relative_to(ROOT).as_posix() for path in found))


def _asset(name: str) -> str:
    return (Path(__file__).parent / "assets" / "site" / name).read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------------ addresses


def _address(name: str) -> str:
    """Where a file or folder of the repository is on the site; a folder is a page, and so is a text."""
    if (ROOT / name).is_dir():
        return posixpath.join(name, "README.md")
    known = not (ROOT / name).exists() or name.endswith(".md") or Path(name).suffix in _SHOWN_BY_BROWSERS
    return name if known else f"{name}.md"


def _absolute(target: str, page: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def _relative(address: str, page: str) -> str:
    return posixpath.relpath(address, posixpath.dirname(page) or ".")


def _linked(markdown: str, page: str) -> list[str]:
    """The files and folders that a page links to."""
    targets = (_absolute(found, page) for found in _TARGET.findall(markdown))
    return [name for name in targets if (ROOT / name).exists()]


def _made(name: str) -> str:
    """The page of a folder, which lists it, or of a text."""
    path = ROOT / name
    if path.is_file():
        text = path.read_text(encoding="utf-8")
        return f"# {name}\n\n~~~~{path.suffix.removeprefix('.')}\n{text.rstrip()}\n~~~~\n"
    inside = [file.name for file in sorted(path.iterdir()) if file.is_file() and not file.name.endswith(_NOT_LISTED)]
    lines = [f"![{file}]({file})\n\n`{file}`\n" if file.endswith(".svg") else f"- [{file}]({file})" for file in inside]
    return "\n".join([f"# {name}/\n", *lines]) + "\n"


# ---------------------------------------------------------------------------------------------------------------- rules


def _link(found: re.Match[str], page: str) -> str:
    """A rule's number as a link to its text, also one that is linked to its page; what is not prose as it is."""
    rule = rulebook.rules().get(_LINKED_RULE.sub(r"\1", found[0]))
    if rule is None:
        return found[0]
    return f"[{rule.id}]({_relative(f'spec/rules/{rule.path.name}', page)}#{rule.id})"


def _with_belongings(section: str, page: str) -> str:
    """The section of a rule with its address, and a line with its lifecycle's transitions and its vectors."""
    heading = _HEADING.match(section)
    if heading is None:
        return section
    rule = rulebook.rules()[heading[1]]
    made = [_transitions(rule, page), counted(len(rule.examples), "worked example") if rule.examples else ""]
    if cases := _cases_by_rule()[rule.id]:
        made.append(f"[{counted(len(cases), 'vector')}]({_relative(_BY_RULE, page)}#{rule.id})")
    about = " · ".join(filter(None, made))
    end = f"\n{about}\n{{: .belongings }}\n\n" if about else ""
    return f"{heading[0]} {{ #{rule.id} }}{section[heading.end() :].rstrip()}\n{end}\n"


def _transitions(rule: Rule, page: str) -> str:
    table = machine.lifecycle().table
    guards = {name for name, guard in table.guards.items() if guard.rule == rule.id}
    found = [
        one.id for one in table.transitions if rule.id in one.rules or guards & set(map(machine.guard_name, one.guard))
    ]
    return f"[{', '.join(found)} of the lifecycle]({_relative(_LIFECYCLE, page)})" if found else ""


@cache
def _cases() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = files.read_json(files.ROOT / "vectors" / "index.json")["cases"]
    return cases


@cache
def _cases_by_rule() -> defaultdict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for case in _cases():
        for rule in case["rules"]:
            found[rule].append(case)
    return found


def _vectors_by_rule() -> str:
    """A page with the vectors of each rule."""
    lines = ["# Vectors by rule\n"]
    by_rule = _cases_by_rule()
    for rule in rulebook.rules().values():
        if rule.id in by_rule:
            lines.append(f"### {rule.id} · {rule.title} {{ #{rule.id} }}\n")
            lines += [f"- [{case['path']}]({case['path']}) {case['title']}" for case in by_rule[rule.id]]
            lines.append("")
    return "\n".join(lines)
