"""Keeps the figures of policies' budgets in their statuses, and tells when one warns.

They are written rarely: when a warning comes or goes, and after every twentieth of a limit. What is decided is decided
on the ledgers, never on these.
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime

from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.decide.budget import budgets_status, warnings
from quantum_operator.decide.ledger import EMPTY, ledger_name
from quantum_operator.decide.observed import Tell
from quantum_operator.ports.errors import GoneError, NameTakenError
from quantum_operator.ports.world import Ports


async def write_budgets(ports: Ports) -> bool:
    """Write every policy's figures that have news; whether there are budgets. Raises what the ports raise."""
    concerned = [one for one in await ports.statuses.policies() if one.spec.budgets or one.status.budgets]
    if not concerned:
        return False
    now = ports.clock.now()
    books = await _books(ports, {budget.currency for one in concerned for budget in one.spec.budgets}, now)
    for policy in concerned:
        if any(budget.currency not in books for budget in policy.spec.budgets):
            continue
        status = budgets_status(policy, books, now)
        if status == policy.status:
            continue
        with contextlib.suppress(GoneError):
            await ports.statuses.put_policy_status(policy, status)
            await _tell(ports, policy, status.budgets != policy.status.budgets, warnings(policy, status))
    return True


async def _tell(ports: Ports, policy: BackendPolicy, is_news: bool, reached: tuple[str, ...]) -> None:
    for message in reached if is_news else ():
        await ports.recorder.tell(policy, Tell("Warning", "BudgetWarning", message))


async def _books(ports: Ports, currencies: set[str], now: datetime) -> Mapping[str, QuantumLedgerStatus]:
    """The ledgers of the month, without those that can't be read: whoever reserves in one says so."""
    found = {}
    for currency in sorted(currencies):
        with contextlib.suppress(NameTakenError):
            seen = await ports.ledgers.find(ledger_name(currency, now))
            found[currency] = seen.status if seen is not None else EMPTY
    return found
