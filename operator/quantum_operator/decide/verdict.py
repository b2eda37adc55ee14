"""What rules are and say. It is a module of its own so that those of every subject can be, see `routing`."""

from collections.abc import Callable
from dataclasses import dataclass

from quantum_operator.api.figures import Figures, Question


@dataclass(frozen=True)
class Verdict:
    """Why a backend is passed over; `passing` means that it may be otherwise later."""

    reason: str
    message: str
    passing: bool = False


Rule = Callable[[Figures, Question], Verdict | None]
