"""A breaker's states as a picture, drawn from `decide.breaker` itself: `python -m quantum_operator.decide.breakerlife`.

Each state is shown everything that can have happened since it began, by an example policy; what follows is an arrow.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import get_args

from quantum_operator.api.conditions import table
from quantum_operator.api.figures import Demand, Figures, Question
from quantum_operator.api.resilience import Breaker, BreakerState, BreakerStatus
from quantum_operator.decide.breaker import Ending, breaker_has_probes, breaker_lets_it, next_breaker, probes_left
from quantum_operator.decide.times import stamp

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULE = Breaker(failure_percent=50, minimum_attempts=4, window_seconds=600, open_seconds=60, probes=2)

HAPPENINGS: dict[str, tuple[str, int]] = {
    "nothing ended": ("", 30),
    "`openSeconds` are over": ("", 60),
    "one attempt failed": ("f", 30),
    "one succeeded": ("s", 30),
    "`probes` succeeded": ("ss", 30),
    "one succeeded, one failed": ("sf", 30),
    "`minimumAttempts` ended, fewer than `failurePercent` failed": ("sssf", 30),
    "`minimumAttempts` ended, `failurePercent` failed": ("ssff", 30),
    "`failurePercent` failed, longer ago than `windowSeconds`": ("ssff", 700),
}
"""How the attempts ended that were made since the state began, at its beginning, and how long ago that was."""


def transitions() -> dict[tuple[BreakerState, BreakerState], list[str]]:
    """From which state to which a breaker goes, or stays, and what has happened then."""
    found: dict[tuple[BreakerState, BreakerState], list[str]] = defaultdict(list)
    for state in get_args(BreakerState):
        for what, (ends, seconds) in HAPPENINGS.items():
            known = BreakerStatus(backend="b", state=state, since=stamp(NOW))
            later = NOW + timedelta(seconds=seconds)
            found[state, next_breaker(RULE, known, list(_endings(ends)), later).state].append(what)
    return dict(found)


def gets(state: BreakerState) -> str:
    """What the backend gets while its breaker is in this state."""
    known = BreakerStatus(backend="b", state=state, since=stamp(NOW))
    left = probes_left(RULE, [known], ()).get("b")
    question = Question(
        policy="p", policy_generation=1, namespace="n", now=stamp(NOW), demand=Demand(qubits=1, shots=1)
    )
    figures = Figures(breaker=None if state == "Closed" else state, probes=left)
    if breaker_lets_it(figures, question) is not None or breaker_has_probes(figures, question) is not None:
        return "no jobs"
    return "jobs" if left is None else "`probes` jobs at once"


def _endings(ends: str) -> Iterator[Ending]:
    for number, end in enumerate(ends):
        yield Ending("b", str(number), NOW, NOW + timedelta(seconds=1), failed=end == "f")


def breaker_markdown() -> str:
    """The reference of a breaker's states, docs/reference/breaker.md."""
    ways = transitions()
    arrows = "".join(
        f"  {before} --> {after}: {_plain(told[0])}\n" for (before, after), told in ways.items() if before != after
    )
    rows = [
        (before, gets(before), after if before != after else "", "; ".join(told))
        for (before, after), told in ways.items()
    ]
    return f"""# The states of a breaker

Drawn from `operator/quantum_operator/decide/breaker.py` by `make generate`; not to be edited. Each backend of a policy
with [`breaker`](../resilience.md#breakers) has one. What counts are attempts that were made since the state began; on
each arrow is the first of what leads there.

```mermaid
stateDiagram-v2
  [*] --> Closed
{arrows}```

{table(("State", "The backend gets", "Goes on to", "When, of attempts made since the state began"), rows)}
A line without a third place is of a breaker that stays as it is.
"""


def _plain(told: str) -> str:
    return told.replace("`", "")


if __name__ == "__main__":
    sys.stdout.write(breaker_markdown())
