"""A decision made again from what is on record of it, to see that the same comes out, byte for byte."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quantum_operator.api.figures import Candidate, Figures, Question
from quantum_operator.api.jobstatus import Step
from quantum_operator.decide.approval import held
from quantum_operator.decide.candidates import candidate_of
from quantum_operator.decide.ranking import rank
from quantum_operator.decide.routing import objection


@dataclass(frozen=True)
class Again:
    """A step's decision as it is on record, and as it is made again; both are canonical JSON.

    `differences` has a line for each thing that is not the same, and is empty exactly where the bytes are.
    """

    step: str
    recorded: bytes
    repeated: bytes
    differences: tuple[str, ...]


def again(step: Step) -> Again | None:
    """The step's decision, made again; None where its record has no figures: it is older, or nothing was decided."""
    question = step.question
    if question is None or any(one.figures is None for one in step.candidates):
        return None
    judged = [(one.backend, one.figures) for one in step.candidates if one.figures is not None]
    candidates = decided(question, judged)
    recorded, repeated = canonical(step.candidates), canonical(candidates)
    return Again(step.name, recorded, repeated, tuple(_differences(step.candidates, candidates)))


def decided(question: Question, judged: Sequence[tuple[str, Figures]]) -> tuple[Candidate, ...]:
    """The candidates of these backends, by their figures alone."""
    verdicts = {name: objection(figures, question) for name, figures in judged}
    ranked = sorted(judged, key=lambda one: rank(one[0], one[1], question))
    waits = held([(name, figures, verdicts[name]) for name, figures in ranked])
    chosen = next((name for name, _ in ranked if verdicts[name] is None), "") if waits is None else ""
    return tuple(candidate_of(name, figures, verdicts[name], question, chosen) for name, figures in judged)


def canonical(candidates: Sequence[Candidate]) -> bytes:
    """The candidates in one form of JSON only."""
    wire = [one.to_wire() for one in candidates]
    return json.dumps(wire, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


def unlike_its_attempts(step: Step) -> str:
    """What the attempts say against the choice on record; empty where they agree: the last one went where it says."""
    chosen = next((one.backend for one in step.candidates if one.verdict == "Chosen"), None)
    last = step.attempts[-1].backend if step.attempts else None
    if chosen is None or last is None or chosen == last:
        return ""
    return f"attempt {step.attempts[-1].number} is on {last}, and the decision on record chose {chosen}"


def _differences(recorded: Sequence[Candidate], repeated: Sequence[Candidate]) -> Iterator[str]:
    for before, after in zip(recorded, repeated, strict=True):
        if canonical([before]) == canonical([after]):
            continue
        for part in ("verdict", "reason", "message", "score"):
            one, other = getattr(before, part), getattr(after, part)
            if one != other:
                yield f"{before.backend}: {part} is {one!r} on record, and {other!r} when decided again"
