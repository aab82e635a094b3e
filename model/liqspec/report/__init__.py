"""Words for people that several tools share: sentences of effects, amounts, terms of measures, tables."""
