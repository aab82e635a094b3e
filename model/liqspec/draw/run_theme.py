"""The colours of the pictures, light and dark, in one place; no meaning is carried by a colour alone."""

from typing import Literal

from attrs import frozen

ThemeName = Literal["light", "dark"]


@frozen(kw_only=True)
class Fill:
    """How the area of a state looks: its colour, the text on it, and a hatch that survives greyscale."""

    area: str
    text: str
    hatch: str = ""


@frozen(kw_only=True)
class Theme:
    """The colours of a picture on a light or on a dark ground."""

    ground: str
    panel: str
    text: str
    quiet: str
    grid: str
    mark: str
    equity: str
    maintenance: str
    backstop: str
    breached: str
    below_backstop: str
    window: str
    states: dict[str, Fill]
    unknown: Fill

    def state(self, name: str) -> Fill:
        """How a state looks; one that a later table adds is still drawn, in grey."""
        return self.states.get(name, self.unknown)


# The hues are those of Okabe and Ito, which people with any common colour blindness can distinguish; the hatches
# distinguish the states in greyscale.
THEMES: dict[ThemeName, Theme] = {
    "light": Theme(
        ground="#ffffff",
        panel="#fbfbfa",
        text="#1b1f24",
        quiet="#5d6670",
        grid="#d9dde1",
        mark="#1b1f24",
        equity="#0060a0",
        maintenance="#b34700",
        backstop="#a03a78",
        breached="#fbe3c3",
        below_backstop="#f3c6dd",
        window="#2b7fb8",
        states={
            "new": Fill(area="#ffffff", text="#5d6670"),
            "healthy": Fill(area="#8fd6bd", text="#06281d"),
            "liquidatable": Fill(area="#f3b04a", text="#2b1a00", hatch="//"),
            "partially_liquidated": Fill(area="#f5e56b", text="#2b2600", hatch=".."),
            "cooldown": Fill(area="#a5d4f2", text="#06233a", hatch="-----"),
            "backstopped": Fill(area="#d98cb8", text="#31041f", hatch="xx"),
            "closed": Fill(area="#dfe2e5", text="#2a3036"),
        },
        unknown=Fill(area="#c8c8c8", text="#1b1f24", hatch="oo"),
    ),
    "dark": Theme(
        ground="#12161b",
        panel="#181d23",
        text="#e8ebee",
        quiet="#a3adb8",
        grid="#303841",
        mark="#e8ebee",
        equity="#62b6f0",
        maintenance="#ff9d45",
        backstop="#e08ac0",
        breached="#45311a",
        below_backstop="#4d2440",
        window="#62b6f0",
        states={
            "new": Fill(area="#12161b", text="#a3adb8"),
            "healthy": Fill(area="#1b6b53", text="#f0fff9"),
            "liquidatable": Fill(area="#a8660a", text="#fffaf0", hatch="//"),
            "partially_liquidated": Fill(area="#7c7013", text="#fffdea", hatch=".."),
            "cooldown": Fill(area="#2a6691", text="#f0f8ff", hatch="-----"),
            "backstopped": Fill(area="#8c3a69", text="#fff0f8", hatch="xx"),
            "closed": Fill(area="#3b434c", text="#e8ebee"),
        },
        unknown=Fill(area="#555555", text="#ffffff", hatch="oo"),
    ),
}
