"""One theme for every picture: how each state, transition, line and area looks, on a light and on a dark page.

No meaning is carried by colour alone: outline, weight, pattern, arrow and hatch distinguish as well. What each
means is in `legend`.
"""

from typing import Literal

from attrs import frozen

ThemeName = Literal["light", "dark"]
Pattern = Literal["solid", "dashed", "dotted"]

# What is drawn alike: states by what they mean for the trader, transitions by what they do to the position, and the
# lines and areas of a timeline.
Role = Literal["start", "covered", "waiting", "liquidation", "partial", "vault", "end"]
Purpose = Literal["opening", "trouble", "relief", "closing", "reserved"]
Curve = Literal["mark", "liquidation", "equity", "maintenance", "backstop", "takeover", "size", "vault"]
Area = Literal["breached", "below_backstop", "window", "order"]
Source = Literal["index", "book", "perps", "last"]

FONT = "Helvetica,Arial,sans-serif"


@frozen
class Box:
    """How a state is drawn; outline, weight, corners and an area's hatch distinguish states where colours do not."""

    fill: str
    border: str
    outline: Pattern
    width: float
    rounded: bool
    double: bool
    hatch: str
    text: str


@frozen
class Line:
    """How a transition is drawn; pattern and weight distinguish the purposes where colours do not."""

    color: str
    pattern: Pattern
    width: float
    arrow: str


@frozen
class Stroke:
    """How a line of a timeline is drawn; `dashes` are the lengths on and off, in widths of the line, none if solid."""

    color: str
    width: float
    dashes: tuple[float, ...] = ()


_LOOKS: dict[Role, tuple[Pattern, float, bool, bool, str]] = {  # outline, width, rounded, double, hatch
    "start": ("dotted", 1.4, True, False, ""),
    "covered": ("solid", 1.4, True, False, ""),
    "waiting": ("dashed", 1.4, True, False, "-----"),
    "liquidation": ("solid", 3.0, True, False, "//"),
    "partial": ("dashed", 3.0, True, False, ".."),
    "vault": ("solid", 3.0, False, False, "xx"),
    "end": ("solid", 1.4, False, True, ""),
}


@frozen(kw_only=True)
class Theme:
    """All colours of a picture; `colors` are the fill and border of each role, which its lines and areas share."""

    name: ThemeName
    background: str
    text: str
    quiet: str  # smaller remarks
    faint: str  # what is impossible, and frames
    grid: str  # the lines of a scale
    panel: str  # the background of a frame or a panel
    colors: dict[Role, tuple[str, str]]
    on_boxes: str  # the text in a state
    reserved: str  # transitions that nothing fires
    scale: tuple[str, ...]  # rarely to often, for counts
    alarm: str  # never fired
    alarm_text: str

    @property
    def boxes(self) -> dict[Role, Box]:
        """How each state is drawn."""
        colors = self.colors
        return {role: Box(colors[role][0], colors[role][1], *look, self.on_boxes) for role, look in _LOOKS.items()}

    @property
    def lines(self) -> dict[Purpose, Line]:
        """How each transition is drawn."""
        return {
            "opening": Line(self.text, "solid", 1.2, "normal"),
            "trouble": Line(self.boxes["liquidation"].border, "solid", 2.6, "normal"),
            "relief": Line(self.boxes["covered"].border, "dashed", 1.6, "vee"),
            "closing": Line(self.boxes["end"].border, "solid", 1.2, "empty"),
            "reserved": Line(self.reserved, "dotted", 1.4, "vee"),
        }

    @property
    def curves(self) -> dict[Curve, Stroke]:
        """How each line of a timeline is drawn."""
        return {
            "mark": Stroke(self.text, 1.6),
            "liquidation": Stroke(self.boxes["liquidation"].border, 0.9),
            "equity": Stroke(self.boxes["waiting"].border, 2.2),
            "maintenance": Stroke(self.boxes["liquidation"].border, 1.6, (5, 2)),
            "backstop": Stroke(self.boxes["vault"].border, 1.6, (1, 1.4)),
            "takeover": Stroke(self.boxes["vault"].border, 1.6, (6.4, 1.6, 1, 1.6)),
            "size": Stroke(self.text, 1.3),
            "vault": Stroke(self.boxes["vault"].border, 1.9),
        }

    @property
    def areas(self) -> dict[Area, str]:
        """The colour of each area of a timeline."""
        return {
            "breached": self.boxes["liquidation"].fill,
            "below_backstop": self.boxes["vault"].fill,
            "window": self.boxes["waiting"].border,
            "order": self.boxes["liquidation"].border,
        }

    @property
    def sources(self) -> dict[Source, str]:
        """The colour of each source of a mark; its shape distinguishes it as well."""
        roles: dict[Source, Role] = {"index": "waiting", "book": "covered", "perps": "vault", "last": "partial"}
        return {source: self.boxes[role].border for source, role in roles.items()}


# On a light page, and on a dark one.
_PLAIN: dict[str, tuple[str, str]] = {
    "background": ("#ffffff", "#0d1117"),
    "text": ("#1b1f24", "#e6edf3"),
    "quiet": ("#57606a", "#a5b0bb"),
    "faint": ("#8c959f", "#6e7a86"),
    "grid": ("#d9dde1", "#303841"),
    "panel": ("#f6f8fa", "#151b23"),
    "on_boxes": ("#1b1f24", "#f0f6fc"),
    "reserved": ("#656d76", "#8b96a1"),
    "alarm": ("#b3001b", "#ff6b7d"),
    "alarm_text": ("#ffffff", "#0d1117"),
}
# The hues are those of a colour-blind safe set (green, blue, vermillion, yellow, purple), shaded for contrast with the
# text.
_COLORS: dict[Role, tuple[tuple[str, str], tuple[str, str]]] = {
    "start": (("#ffffff", "#57606a"), ("#0d1117", "#a5b0bb")),
    "covered": (("#d3f1e4", "#00694b"), ("#0e4433", "#4fd8a4")),
    "waiting": (("#d9ebfb", "#005a96"), ("#123a5c", "#79c0ff")),
    "liquidation": (("#ffe0c7", "#b84300"), ("#5a2a0c", "#ff9d5c")),
    "partial": (("#fff3a6", "#7a6000"), ("#4f4300", "#ecd04f")),
    "vault": (("#f0d9ea", "#8a2f76"), ("#4d2244", "#e9a1d8")),
    "end": (("#e4e7eb", "#424a53"), ("#30363d", "#b6c0ca")),
}
_SCALES = (
    ("#85b4de", "#5b93cc", "#3470b0", "#1a4f8f", "#0b2f63"),
    ("#2f5f94", "#417fbd", "#5f9fdc", "#90c2f3", "#cbe4ff"),
)


def _theme(name: ThemeName, page: Literal[0, 1]) -> Theme:
    plain = {field: colors[page] for field, colors in _PLAIN.items()}
    colors = {role: pairs[page] for role, pairs in _COLORS.items()}
    return Theme(name=name, colors=colors, scale=_SCALES[page], **plain)


LIGHT, DARK = _theme("light", 0), _theme("dark", 1)
THEMES: dict[ThemeName, Theme] = {"light": LIGHT, "dark": DARK}
