"""Approval, across jobs: which plans somebody has to approve, and what waits for it.

A plan is a backend, under a state of the policy, at a price ceiling. While it waits to be approved a job has no
attempt, no reservation and no room. What becomes of a decision is in `approving`.
"""

from collections.abc import Sequence

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.figures import Demand, Figures, Question
from quantum_operator.api.governance import ApprovalRules
from quantum_operator.decide.cost import money
from quantum_operator.decide.observed import Asked, Permit
from quantum_operator.decide.verdict import Verdict


def reasons_for(rules: ApprovalRules | None, demand: Demand, ceiling: int | None, currency: str) -> tuple[str, ...]:
    """What of the policy's spec.approval asks for approval of this plan; nothing where it needs none.

    `ceiling` None: what it may cost at most can't be said, and so is more than any threshold.
    """
    if rules is None:
        return ()
    terms, found = demand.terms, []
    above = rules.above_micros
    if above is not None and ceiling is None:
        found.append("what it costs at most can't be said (aboveMicros)")
    elif above is not None and ceiling and currency != rules.currency:
        found.append(f"it is paid in {currency}, and aboveMicros is in {rules.currency}")
    elif above is not None and ceiling is not None and ceiling > above:
        found.append(f"it may cost {money(ceiling, currency)}, more than {money(above, currency)} (aboveMicros)")
    if rules.above_shots is not None and demand.shots == 0 and not demand.simulated:
        found.append("how many shots it takes can't be said (aboveShots)")
    elif rules.above_shots is not None and demand.shots > rules.above_shots:
        found.append(f"it asks for {demand.shots} shots, more than {rules.above_shots} (aboveShots)")
    if terms.data_class in rules.data_classes:
        found.append(f"its data are {terms.data_class} (dataClasses)")
    if terms.tier in rules.tiers:
        found.append(f"it is of tier {terms.tier} (tiers)")
    return tuple(found)


def permits(permit: Permit | None, backend: str, generation: int, ceiling: int | None, currency: str) -> bool:
    """Whether what was approved is this plan, or one that is no dearer."""
    if permit is None or (permit.backend, permit.policy_generation) != (backend, generation):
        return False
    if permit.ceiling_micros is None:
        return ceiling is None or not ceiling
    dearer = ceiling is None or ceiling > permit.ceiling_micros
    return not dearer and (permit.currency == currency or ceiling == 0)


def is_approved(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """Nobody has to approve the plan, or somebody has."""
    if figures.approval != "Needed":
        return None
    return Verdict("AwaitingApproval", "has to be approved first", passing=True)


def held(judged: Sequence[tuple[str, Figures, Verdict | None]]) -> str | None:
    """The backend of a plan that is to be approved before anything else happens; None: there is none.

    It is the first that could have the job, unless another's plan is approved.
    """
    for _, figures, verdict in judged:
        if figures.approval == "Given" and (verdict is None or verdict.passing):
            return None
    for name, _, verdict in judged:
        if verdict is None:
            return None
        if verdict.reason == "AwaitingApproval":
            return name
    return None


def with_approval(
    figures: Figures, backend: QuantumBackend, rules: ApprovalRules | None, question: Question, permit: Permit | None
) -> Figures:
    """The figures with whether the plan has to be approved, and whether it is."""
    if not asked_of(backend, rules, question, figures).because:
        return figures
    ceiling, currency = figures.ceiling_micros, _currency(backend)
    given = permits(permit, backend.metadata.name, question.policy_generation, ceiling, currency)
    return figures.model_copy(update={"approval": "Given" if given else "Needed"})


def asked_of(backend: QuantumBackend, rules: ApprovalRules | None, question: Question, figures: Figures) -> Asked:
    """What somebody is asked to approve, and why."""
    ceiling, currency = figures.ceiling_micros, _currency(backend)
    because = reasons_for(rules, question.demand, ceiling, currency)
    return Asked(backend.metadata.name, ceiling, currency, because)


def _currency(backend: QuantumBackend) -> str:
    return backend.spec.price.currency if backend.spec.price is not None else "USD"
