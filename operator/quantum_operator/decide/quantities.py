"""Kubernetes quantities of memory."""

import math
import re
from decimal import Decimal

QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
FACTORS = {
    None: Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}

HEADROOM_BYTES = 192 * 2**20
"""What a run's container has beside its worker: the supervisor, and the slack of the worker's own limit. With it the
run finds out by itself that it has too little memory, and says so, before the kernel kills it."""


def quantity_bytes(quantity: str) -> int:
    """The bytes that a quantity such as `2Gi` names, a started byte whole, as Kubernetes counts; at least 1.

    Raises ValueError on what the API would not accept.
    """
    found = QUANTITY.fullmatch(quantity)
    if found is None:
        raise ValueError(f"{quantity!r} is not a quantity of memory")
    return max(1, math.ceil(Decimal(found[1]) * FACTORS[found[2]]))


def worker_bytes(memory: str) -> int:
    """What the worker of a run may hold, in bytes, where the run has the quantity `memory`; at least 1.

    Raises ValueError as `quantity_bytes` does.
    """
    return max(1, quantity_bytes(memory) - HEADROOM_BYTES)
