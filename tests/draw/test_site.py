"""The site: each rule is linked to what belongs to it, nothing comes from the network, and a dead link fails."""

import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from properdocs.config import load_config
from properdocs.config.defaults import ProperDocsConfig
from properdocs.structure.files import File, Files
from properdocs.structure.pages import Page

from liqspec.draw import site
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


# ------------------------------------------------------------------------- the hooks alone, without the generator


@pytest.fixture(scope="module")
def config() -> ProperDocsConfig:
    config = load_config(config_file=str(ROOT / "properdocs.yml"))
    config.plugins._current_plugin = "site"  # as the generator does while it runs a hook
    site.on_config(config)
    return config


@pytest.fixture(scope="module")
def published(config: ProperDocsConfig) -> Files:
    return site.on_files(Files([]), config=config)


def test_a_page_is_in_one_part_of_the_navigation_only(config: ProperDocsConfig) -> None:
    assert config.nav is not None
    listed = [name for part in config.nav for names in part.values() for name in names]
    assert len(listed) == len(set(listed))
    assert {"README.md", "docs/your-venue.md", "spec/rules/03-liquidation.md"} <= set(listed)


def test_whatever_a_page_links_to_is_published(config: ProperDocsConfig, published: Files) -> None:
    addresses = {file.src_uri for file in published}
    assert {"site.css", "spec/vectors/by-rule.md", "diagrams/README.md"} <= addresses
    for file in published.documentation_pages():
        written = shown(file, config, published)
        for target in re.findall(
            r"\]\((?!https?:)([^)#\s]+)", re.sub(r"^(```|~~~).*?^\1", "", written, flags=re.DOTALL | re.MULTILINE)
        ):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(file.src_uri), target)) in addresses, (
                file.src_uri
            )


def test_a_rule_has_its_address_and_what_belongs_to_it(config: ProperDocsConfig, published: Files) -> None:
    file = published.get_file_from_path("spec/rules/03-liquidation.md")
    assert file is not None
    written = shown(file, config, published)
    assert re.search(r"^### LIQ-3 · .* \{ #LIQ-3 \}$", written, re.MULTILINE)
    assert "[T1, T2 of the lifecycle](../../docs/lifecycle.md) · 1 worked example · [" in written


def test_a_picture_is_shown_light_or_dark(config: ProperDocsConfig, published: Files) -> None:
    file = published.get_file_from_path("README.md")
    assert file is not None
    made = site.on_page_content(
        '<td>a \\| b</td><img alt="m" src="m-light.svg">',
        page=Page(None, file, config),
        config=config,
        files=published,
    )
    assert made.startswith("<td>a | b</td>")
    assert '<source srcset="m-dark.svg" media="(prefers-color-scheme: dark)"><img alt="m" src="m-light.svg">' in made


def shown(file: File, config: ProperDocsConfig, published: Files) -> str:
    page = Page(None, file, config)
    return site.on_page_markdown(file.content_string, page=page, config=config, files=published)
