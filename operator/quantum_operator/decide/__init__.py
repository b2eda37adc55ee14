"""Pure decisions: no I/O, no clock, no randomness. Time, ids and seeds come in as data."""
