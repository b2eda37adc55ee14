"""The candidates of a decision as they go on record: each with its verdict, its reason and its figures."""

from collections.abc import Sequence

from quantum_operator.api.figures import Candidate, Figures, Question
from quantum_operator.api.jobstatus import Step
from quantum_operator.api.routing import Weights
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.ranking import score
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.verdict import Verdict

DRAWN = "the job falls into its share of the policy's traffic"
CANDIDATES_KEPT = 20
CANDIDATES_BYTES = 8_000
"""What the candidates on record may take of a status."""


def candidate_of(name: str, figures: Figures, verdict: Verdict | None, question: Question, chosen: str) -> Candidate:
    """One backend's candidate, where `chosen` is the name of the backend that the job goes to."""
    if verdict is not None:
        message = clip(verdict.message, NOTE_BYTES)
        return Candidate(backend=name, verdict="Rejected", reason=verdict.reason, message=message, figures=figures)
    points = score(figures, question)
    if name == chosen:
        told = clip(choice_told(name, question), NOTE_BYTES)
        return Candidate(backend=name, verdict="Chosen", reason="Chosen", message=told, score=points, figures=figures)
    message = "later in the policy's order" if points is None else "a lower score, or later in the policy's order"
    return Candidate(
        backend=name, verdict="Eligible", reason="Eligible", message=message, score=points, figures=figures
    )


def choice_told(chosen: str, question: Question) -> str:
    """Why this one of those that are eligible."""
    first = "first that can take it" if _weights(question) is None else "the highest score of those that can take it"
    if question.drawn is None:
        return first
    return DRAWN if question.drawn == chosen else f"{first}, {stand_in(question.drawn)}"


def stand_in(drawn: str) -> str:
    """That another backend takes a job than the one whose share it is."""
    return f"for {drawn}, whose share of the traffic it is, does not"


def kept(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The first candidates, as many as a status has room for, and the chosen one wherever it comes."""
    chosen = next((one for one in candidates if one.verdict == "Chosen"), None)
    left = CANDIDATES_BYTES - (_size(chosen) if chosen is not None else 0)
    first: list[Candidate] = []
    for one in candidates:
        if one is chosen:
            first.append(one)
            chosen = None
            continue
        left -= _size(one)
        if left < 0 or len(first) + (chosen is not None) == CANDIDATES_KEPT:
            break
        first.append(one)
    return (*first, chosen) if chosen is not None else tuple(first)


def words(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The same without the figures, which change all the time."""
    return tuple(one.model_copy(update={"figures": None}) for one in candidates)


def on_record(step: Step, assignment: Assignment) -> Step:
    """The step with the candidates of this assignment. Who waits, and is told the same as before, keeps its record."""
    if assignment.verdict == "Waiting" and words(step.candidates) == assignment.candidates:
        return step
    figures = assignment.figures or (None,) * len(assignment.candidates)
    candidates = tuple(
        one.model_copy(update={"figures": judged_by})
        for one, judged_by in zip(assignment.candidates, figures, strict=True)
    )
    update = {
        "candidates": candidates,
        "candidates_total": assignment.candidates_total,
        "question": assignment.question,
    }
    return step.model_copy(update=update)


def _weights(question: Question) -> Weights | None:
    return question.routing.weights if question.routing is not None else None


def _size(one: Candidate) -> int:
    return len(one.model_dump_json(by_alias=True, exclude_none=True).encode(errors="replace")) + len(",")
