"""The engine's own steps, proved for all numbers: an event in a state that meets the invariants leads to another such.

A state has a concrete shape, as many positions as it says, and unknown numbers (`unknown`). What the event must not
look at cannot be read (`frame`). Of functions that divide only lemmas are known (`contracts`). The
engine itself runs on it, and what must hold afterwards (`obligations`, `invariants`) is proved on every path.
"""
