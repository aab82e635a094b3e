"""The site: each rule is linked to what belongs to it, nothing comes from the network, and a dead link fails."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from liqspec.spec import rulebook
from support.paths import ROOT

THEME = Path("model") / "liqspec" / "draw"


def build(root: Path, into: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "properdocs", "build", "--strict", "--site-dir", str(into)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)


def test_the_site_is_built_with_every_rule_and_needs_no_network(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = {page.relative_to(tmp_path / "site").as_posix(): page.read_text() for page in tmp_path.rglob("*.html")}
    for rule in rulebook.rules().values():
        page = pages[f"spec/rules/{rule.path.stem}.html"]
        assert page.count(f'id="{rule.id}"') == 1
    for text in pages.values():
        assert not re.search(r'<script|@import|(?:src|srcset|<link [^>]*href)="(?:[a-z]+:)?//', text)
    assert 'href="../spec/rules/09-data.html#CFG-4"' in pages["docs/your-venue.html"], "a number alone"
    assert 'href="../spec/rules/09-data.html#SCN-1"' in pages["docs/your-scenario.html"], (
        "one that is linked to its page"
    )
    belongs = re.search(
        r'id="LIQ-3".*?<p class="belongings">(.*?)</p>', pages["spec/rules/03-liquidation.html"], re.DOTALL
    )
    assert belongs is not None
    assert re.sub(r"<[^>]*>", "", belongs[1]).startswith("T1, T2 of the lifecycle · 1 worked example · ")
    assert 'href="../vectors/by-rule.html#LIQ-3"' in belongs[1]
    for task in (ROOT / "docs").glob("*.md"):
        address = "docs/index.html" if task.name == "README.md" else f"docs/{task.stem}.html"
        assert f'<a href="{address}">' in pages["index.html"], "a page of docs/ is in the navigation"


def test_a_dead_link_fails(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(ROOT / THEME / "assets" / "site", root / THEME / "assets" / "site")
    shutil.copy(ROOT / THEME / "site.py", root / THEME)
    shutil.copy(ROOT / "properdocs.yml", root)
    (root / "docs").mkdir()
    (root / "README.md").write_text("# Start\n\n[gone](docs/gone.md)\n", encoding="utf-8")
    done = build(root, tmp_path / "site")
    assert done.returncode == 1
    assert "'README.md' contains a link 'docs/gone.md'" in done.stderr
