"""The executable rules: an event is admitted, applied, assessed and observed, in integers."""
