"""Colours and lines that mean something, in two themes; no meaning is carried by colour alone."""

from typing import Literal

from attrs import frozen

from liqspec.draw.diagram import Purpose, Role

ThemeName = Literal["light", "dark"]

FONT = "Helvetica,Arial,sans-serif"


@frozen
class Box:
    """How a state is drawn. Outline, weight and corners distinguish the roles where colours do not."""

    fill: str
    border: str
    outline: Literal["solid", "dashed", "dotted"]
    width: float
    rounded: bool
    double: bool
    text: str


@frozen
class Line:
    """How a transition is drawn; pattern and weight distinguish the purposes where colours do not."""

    color: str
    pattern: Literal["solid", "dashed", "dotted"]
    width: float
    arrow: str


@frozen
class Theme:
    """All colours of a picture."""

    name: ThemeName
    background: str
    text: str
    quiet: str  # smaller remarks
    faint: str  # what is impossible, and frames
    panel: str  # the background of a frame
    boxes: dict[Role, Box]
    lines: dict[Purpose, Line]
    scale: tuple[str, ...]  # rarely to often, for counts
    alarm: str  # never fired
    alarm_text: str


# What each role and purpose says in a legend. None is the name of a state, so that a state's name stands once.
ROLES: dict[Role, str] = {
    "start": "no history yet",
    "covered": "open, margin covered",
    "waiting": "open, restored, window still open",
    "liquidation": "open, in liquidation",
    "vault": "taken by the vault",
    "end": "end of a life",
}
PURPOSES: dict[Purpose, str] = {
    "opening": "begins a life",
    "trouble": "deeper into trouble",
    "relief": "recovery",
    "closing": "ends the life",
    "reserved": "reserved: no event causes it (LIF-5)",
}

# The hues are those of a colour-blind safe set (green, blue, vermillion, purple), shaded for contrast with the text.
_OUTLINES: dict[Role, tuple[Literal["solid", "dashed", "dotted"], float, bool, bool]] = {
    "start": ("dotted", 1.4, True, False),
    "covered": ("solid", 1.4, True, False),
    "waiting": ("dashed", 1.4, True, False),
    "liquidation": ("solid", 3.0, True, False),
    "vault": ("solid", 3.0, False, False),
    "end": ("solid", 1.4, False, True),
}
_PATTERNS: dict[Purpose, tuple[Literal["solid", "dashed", "dotted"], float, str]] = {
    "opening": ("solid", 1.2, "normal"),
    "trouble": ("solid", 2.6, "normal"),
    "relief": ("dashed", 1.6, "vee"),
    "closing": ("solid", 1.2, "empty"),
    "reserved": ("dotted", 1.4, "vee"),
}


def _boxes(text: str, **colors: tuple[str, str]) -> dict[Role, Box]:
    return {
        role: Box(colors[role][0], colors[role][1], outline, width, rounded, double, text)
        for role, (outline, width, rounded, double) in _OUTLINES.items()
    }


def _lines(**colors: str) -> dict[Purpose, Line]:
    return {purpose: Line(colors[purpose], *pattern) for purpose, pattern in _PATTERNS.items()}


LIGHT = Theme(
    name="light",
    background="#ffffff",
    text="#1b1f24",
    quiet="#57606a",
    faint="#8c959f",
    panel="#f6f8fa",
    boxes=_boxes(
        "#1b1f24",
        start=("#ffffff", "#57606a"),
        covered=("#d3f1e4", "#00694b"),
        waiting=("#d9ebfb", "#005a96"),
        liquidation=("#ffe0c7", "#b84300"),
        vault=("#f0d9ea", "#8a2f76"),
        end=("#e4e7eb", "#424a53"),
    ),
    lines=_lines(opening="#1b1f24", trouble="#b84300", relief="#00694b", closing="#424a53", reserved="#656d76"),
    scale=("#85b4de", "#5b93cc", "#3470b0", "#1a4f8f", "#0b2f63"),
    alarm="#b3001b",
    alarm_text="#ffffff",
)

DARK = Theme(
    name="dark",
    background="#0d1117",
    text="#e6edf3",
    quiet="#a5b0bb",
    faint="#6e7a86",
    panel="#151b23",
    boxes=_boxes(
        "#f0f6fc",
        start=("#0d1117", "#a5b0bb"),
        covered=("#0e4433", "#4fd8a4"),
        waiting=("#123a5c", "#79c0ff"),
        liquidation=("#5a2a0c", "#ff9d5c"),
        vault=("#4d2244", "#e9a1d8"),
        end=("#30363d", "#b6c0ca"),
    ),
    lines=_lines(opening="#e6edf3", trouble="#ff9d5c", relief="#4fd8a4", closing="#b6c0ca", reserved="#8b96a1"),
    scale=("#2f5f94", "#417fbd", "#5f9fdc", "#90c2f3", "#cbe4ff"),
    alarm="#ff6b7d",
    alarm_text="#0d1117",
)

THEMES: dict[ThemeName, Theme] = {"light": LIGHT, "dark": DARK}
