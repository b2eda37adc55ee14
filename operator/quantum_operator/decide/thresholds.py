"""The rules of a policy's `spec.routing`: how large, how costly, how late and how uncertain is too much.

A threshold that is not set objects to nothing.
"""

from quantum_operator.api.figures import Figures, Question
from quantum_operator.api.routing import Routing
from quantum_operator.decide.cost import money
from quantum_operator.decide.verdict import Verdict

NONE = Routing()


def large_enough(figures: Figures, question: Question) -> Verdict | None:
    """A QPU is for problems that are large enough."""
    least, have = _routing(question).min_qpu_qubits, question.demand.qubits
    if figures.kind != "Hardware" or least is None or have >= least:
        return None
    return Verdict("TooSmall", f"a QPU, for jobs of {least} qubits or more (spec.routing.minQpuQubits), not {have}")


def pays_off(figures: Figures, question: Question) -> Verdict | None:
    """A QPU is for jobs that are worth what they may cost there."""
    least, payoff = _routing(question).min_payoff_percent, question.job.payoff_micros
    if figures.kind != "Hardware" or least is None:
        return None
    if payoff is None:
        return Verdict(
            "PayoffTooLow",
            "a QPU, for jobs whose spec.expectedPayoffMicros says what they are worth (spec.routing.minPayoffPercent)",
        )
    ceiling = figures.ceiling_micros
    if ceiling is None or payoff * 100 >= ceiling * least:
        return None
    return Verdict(
        "PayoffTooLow",
        f"may cost {_money(ceiling, figures)}, of which spec.expectedPayoffMicros ({_money(payoff, figures)}) is less "
        f"than {least} % (spec.routing.minPayoffPercent)",
    )


def faithful_enough(figures: Figures, question: Question) -> Verdict | None:
    """Its results deserve as much confidence as the policy asks."""
    least, have = _routing(question).min_fidelity_ppm, figures.fidelity_ppm
    if least is None or (have is not None and have >= least):
        return None
    told = "its fidelity is not known (its spec.fidelityPpm)" if have is None else f"a fidelity of {have} ppm"
    return Verdict("FidelityTooLow", f"{told}, at least {least} are asked (spec.routing.minFidelityPpm)")


def soon_enough(figures: Figures, question: Question) -> Verdict | None:
    """Its queue is forecast to let the job start within the policy's time and the job's own."""
    limits = (
        (_routing(question).max_wait_seconds, "spec.routing.maxWaitSeconds"),
        (question.job.queue_seconds, "the job's spec.queueDeadlineSeconds"),
        (question.job.budget_seconds, "the job's spec.timeBudgetSeconds"),
    )
    for limit, name in limits:
        if limit is not None and figures.wait_seconds is not None and figures.wait_seconds > limit:
            return Verdict("QueueTooLong", f"its queue is forecast to take over {limit} s ({name})", passing=True)
    return None


def cheap_enough(figures: Figures, question: Question) -> Verdict | None:
    """The job may not cost more there than the policy lets any job cost."""
    most, ceiling = _routing(question).max_cost_micros, figures.ceiling_micros
    if most is None or (ceiling is not None and ceiling <= most):
        return None
    told = "what it costs at most is not known" if ceiling is None else f"may cost {_money(ceiling, figures)}"
    return Verdict("TooExpensive", f"{told}, over {_money(most, figures)} (spec.routing.maxCostMicros)")


def calibrated_lately(figures: Figures, question: Question) -> Verdict | None:
    """A QPU was calibrated not longer ago than the policy allows."""
    most, age = _routing(question).max_calibration_age_seconds, figures.calibration_age_seconds
    if figures.kind != "Hardware" or most is None or (age is not None and age <= most):
        return None
    told = "when it was calibrated is not known" if age is None else f"was calibrated over {most} s ago"
    return Verdict("StaleCalibration", f"{told} (spec.routing.maxCalibrationAgeSeconds)", passing=True)


def has_the_memory(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """A simulator's run has the memory for the states of the widest program."""
    have, need = figures.memory_bytes, figures.needed_bytes
    if have is None or need is None or need <= have:
        return None
    return Verdict("TooLittleMemory", f"its runs have {have} bytes for the state (spec.run.memory), which needs {need}")


def has_a_share(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The policy's traffic leaves the backend a share, or says nothing of it."""
    if figures.share != 0:
        return None
    return Verdict("NoTraffic", "has 0 percent of the policy's traffic (spec.traffic)")


def _routing(question: Question) -> Routing:
    return question.routing or NONE


def _money(micros: int, figures: Figures) -> str:
    return money(micros, figures.currency or "USD")
