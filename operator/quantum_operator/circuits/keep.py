"""What was made of a job before its circuits were sent, kept as bytes until their counts come back.

The bytes are pickled: reading them can run what they say. So they are read only where nothing is possible that was not
where they were written, which read the job's programs: in a child with the same limits.
"""

import pickle

from quantum_operator.api.jobstatus import Durations
from quantum_operator.circuits.execute import Made

MOST_BYTES = 1024 * 1024
"""What is larger is made once more."""


def keep(made: Made, spent: Durations) -> bytes:
    """The bytes, with how long it took; none where they would be many, or can't be had."""
    try:
        data = pickle.dumps((made, spent), pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
        return b""
    return data if len(data) <= MOST_BYTES else b""


def kept(data: bytes) -> tuple[Made | None, Durations]:
    """What `keep` was given; where that is not in the bytes, it is to be made again."""
    try:
        made, spent = pickle.loads(data)  # noqa: S301 - read by such a child as wrote it
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError, ValueError):
        return None, Durations()
    return made, spent
