"""Which calls of a port are disturbed, one after the other."""

from typing import get_args

from quantum_operator.testing.faults import Fault

KINDS = get_args(Fault)


def calls_to_disturb(count: int, faults: str, fault: Fault, *, turn: int = 0) -> range:
    """Each of so many calls, from 1; in a slice as many of them as let every call meet one kind of fault.

    Tests of the same life that differ in something else take another `turn` each, and disturb others.
    """
    if faults == "all":
        return range(1, count + 1)
    return range(1 + (KINDS.index(fault) + turn) % len(KINDS), count + 1, len(KINDS))
