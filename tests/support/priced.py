"""A job that is paid for, on a stage: with a currency of its own, so that no other job writes to its ledger."""

import re
from datetime import UTC, datetime
from functools import cache
from itertools import count

from quantum_operator.decide.ledger import ledger_name
from support.clusterworld import Json, terminated
from support.scenarios import pod_of, reason_of, succeed
from support.stage import Play, Stage

PRICE_MICROS = 700_000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_numbers = count()


@cache
def currency_of(name: str) -> str:
    """The currency of the job of this name: that of no other one."""
    number = next(_numbers)
    return f"X{LETTERS[number // 26]}{LETTERS[number % 26]}"


def ledger_of(name: str) -> str:
    """The ledger of the job of this name."""
    return ledger_name(currency_of(name), datetime.now(UTC))


def priced(stage: Stage, name: str) -> Play:
    """The budget fits one run of the job: what its first one reserved, which is lost, is there for the second one."""
    currency = currency_of(name)
    stage.add_backend(name, price={"perRunMicros": PRICE_MICROS, "currency": currency})
    yield lambda _: stage.backend_reason(name)
    stage.add_policy(name, name, budgets=[{"name": "all", "limitMicros": PRICE_MICROS, "currency": currency}])
    yield lambda view: reason_of(view.policies[name])
    stage.submit(name, policyRef={"name": name})
    pod = yield pod_of(name, 1)
    stage.kubelet(pod, "Failed", terminated(code=137, reason="Error"), reason="Evicted")
    yield from succeed(stage, name, 2)


def same_currency(ending: Json, name: str) -> Json:
    """A job's end without the name of its currency."""
    currency = currency_of(name)

    def told(value: object) -> object:
        if isinstance(value, dict):
            return {key: told(one) for key, one in value.items()}
        if isinstance(value, list):
            return [told(one) for one in value]
        return re.sub(rf"\b{currency}\b", "CUR", value, flags=re.IGNORECASE) if isinstance(value, str) else value

    found = told(ending)
    assert isinstance(found, dict)
    return found


def misspent(stage: Stage, name: str) -> list[str]:
    """What is wrong with the ledger of the job of this name once that is over: it was to pay for one run."""
    status = stage.ledger(ledger_of(name))
    counts = [one.count for one in status.totals]
    if (status.spent_micros, status.reserved_micros, counts) == (PRICE_MICROS, 0, [1]):
        return []
    return [f"spent {status.spent_micros} for {counts} runs, and {status.reserved_micros} are reserved"]
