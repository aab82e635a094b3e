"""What must hold: named properties, judged on what an observer of a venue can see, by a naive checker of their own."""

from liqspec.properties.catalogue import PROPERTIES, Property
from liqspec.properties.checker.witness import Step, Witness

__all__ = ["PROPERTIES", "Property", "Step", "Witness"]
