"""An executable formal specification of perpetual-futures liquidations."""

__version__ = "0.1.0"
