"""Venue files: a rule set in TOML, where each of its numbers comes from, and the configuration of a run on it."""

from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import Factory, field, frozen

from liqspec.core.config import Config, MarketConfig, VaultConfig, Venue
from liqspec.core.parameters import (
    MARKET_PARAMETERS,
    PARAMETERS,
    TABLES,
    AccountConfig,
    BackstopConfig,
    LiquidationConfig,
    MarginConfig,
    MarkConfig,
    TradingConfig,
)
from liqspec.edge import files, shapes
from liqspec.edge.errors import InvalidInput
from liqspec.edge.shapes import is_amount
from liqspec.edge.texts import did_you_mean

# The shipped venues near which random runs are, where none is named. Another one here would change every random run.
BASES = ("coarse", "eth-march-2025", "generic", "hyperliquid")


class InvalidVenueFile(InvalidInput):
    """A venue file that is not a valid rule set: the file, the line, the field, and what is wrong with it."""


@frozen(kw_only=True)
class Provenance:
    """Where a number of a venue file comes from (CFG-4)."""

    status: Literal["documented", "assumed"]
    note: str


@frozen(kw_only=True)
class VenueFile:
    """A rule set as a venue file writes it."""

    name: str
    title: str
    description: str
    markets: dict[str, MarketConfig]
    backstop: BackstopConfig
    liquidation: LiquidationConfig = Factory(LiquidationConfig)
    margin: MarginConfig | None = None
    account: AccountConfig | None = None
    trading: TradingConfig | None = None
    mark: MarkConfig | None = None
    quote_unit: str = field(default="0.000001", validator=is_amount)
    provenance: dict[str, Provenance] = Factory(dict)
    undocumented: tuple[str, ...] = ()

    def config(
        self, *, accounts: tuple[str, ...], marks: dict[str, str], vault: VaultConfig | None = None, time: int = 0
    ) -> Config:
        """The configuration of a run on this rule set, in the markets that have a starting mark (CFG-1)."""
        return Config(
            markets={name: market for name, market in self.markets.items() if name in marks},
            marks=marks,
            accounts=accounts,
            backstop=self.backstop,
            liquidation=self.liquidation,
            margin=self.margin,
            account=self.account,
            trading=self.trading,
            mark=self.mark,
            vault=vault or VaultConfig(),
            quote_unit=self.quote_unit,
            time=time,
        )

    def changed(self, **tables: dict[str, Any] | None) -> "VenueFile":
        """The same rule set with some parameters of these tables changed; None, or a table left out, stays as it is.

        A table `mark`, even an empty one, turns that family on (MRK-1).

        Raises:
            shapes.WrongShape: a parameter is unknown or mistyped.
        """
        changed: dict[str, Any] = {}
        for table, changes in tables.items():
            if changes is not None:
                config = getattr(self, table) or TABLES[table]()
                known = {name: value for name, value in attrs.asdict(config).items() if value is not None}
                with shapes.below(f"change.{table}"):
                    changed[table] = shapes.structure({**known, **changes}, type(config))
        return attrs.evolve(self, **changed)


def names() -> list[str]:
    """The names of the venues that the specification ships."""
    return files.shipped("venues")


def load(name_or_path: str, folder: Path | None = None) -> VenueFile:
    """The rule set of a shipped venue's name, or of a venue file's path (relative to a folder).

    Raises:
        UnreadableFile: there is no such venue, or its file cannot be read or parsed.
        InvalidVenueFile: a field is missing, unknown or mistyped, or it is not a valid rule set (MRG-8, CFG-2).
    """
    path = path_of(name_or_path, folder)
    text = files.read_text(path)
    with files.located(text, path, InvalidVenueFile):
        data = files.parse_toml(text, path)
        check_kind(data)
        return built(data)


def path_of(name_or_path: str, folder: Path | None = None) -> Path:
    """The file of a shipped venue's name, or of a venue file's path (relative to a folder).

    Raises:
        UnreadableFile: it is neither.
    """
    if name_or_path in names():
        return files.ROOT / "venues" / f"{name_or_path}.toml"
    if name_or_path.endswith(".toml"):
        return (folder or Path()) / name_or_path
    raise files.UnreadableFile(
        Path(name_or_path),
        f"no such venue; shipped are {', '.join(names())}, or give the path of a .toml file"
        + did_you_mean(name_or_path, names()),
    )


def check_kind(data: object) -> None:
    """See that it is not a scenario; a WrongShape if it is."""
    shapes.check_kind(data, {"step": "a scenario, not a venue (liqspec simulate FILE)"})


def built(data: object) -> VenueFile:
    """The rule set of plain data.

    Raises:
        WrongShape, InvalidConfig: a field is missing, unknown or mistyped, or it is not valid (MRG-8, CFG-2, CFG-4).
    """
    venue = shapes.structure(data, VenueFile)
    marks = {name: market.tick for name, market in venue.markets.items()}
    Venue.from_config(venue.config(accounts=(), marks=marks))
    _check_provenance(venue)
    return venue


def _check_provenance(venue: VenueFile) -> None:
    """See that what is said of a number is said of one that the file can have (CFG-4)."""
    known = ["quote_unit", "markets", *TABLES, *(one.path for one in PARAMETERS)]
    names = ("tick", "lot", "tiers", *(one.name for one in MARKET_PARAMETERS))
    known += [
        path
        for market in venue.markets
        for path in (f"markets.{market}", *(f"markets.{market}.{name}" for name in names))
    ]
    for path in venue.provenance:
        if path not in known:
            raise shapes.WrongShape(f"provenance.{path}", f"names no number of this file{did_you_mean(path, known)}")
