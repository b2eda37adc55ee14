"""What each entry of a result belongs to: its place in the pub's shape, its parameter values, its observable."""

from collections.abc import Sequence

from quantum_operator.api.task import EstimatePub, Observable, SamplePub


def places(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """The multi-index of every entry of a shape, in C order."""
    found: list[tuple[int, ...]] = [()]
    for size in shape:
        found = [(*place, index) for place in found for index in range(size)]
    return found


def parameters_at(pub: SamplePub | EstimatePub, place: Sequence[int]) -> str:
    """The parameter values at this place of the pub's shape, as `name=value, …`; "" when it has none."""
    rows = pub.parameter_values
    if not rows:
        return ""
    row = rows[_flat(pub.parameter_shape or (len(rows),), place)]
    return ", ".join(f"{name}={value:.6g}" for name, value in zip(pub.parameter_names or (), row, strict=False))


def observable_at(pub: EstimatePub, place: Sequence[int]) -> str:
    """The observable at this place of the pub's shape."""
    shape = pub.observables_shape or (len(pub.observables),)
    return observable_text(pub.observables[_flat(shape, place)])


def observable_text(observable: Observable) -> str:
    """An observable as a sum, such as `0.5 X0·Z2 - 1.2`. Long ones are cut."""
    text = ""
    for term in observable.terms:
        factors = "·".join(f"{letter}{qubit}" for letter, qubit in zip(term.pauli, term.qubits, strict=True))
        size = abs(term.coefficient)
        body = factors if factors and size == 1 else f"{size:.6g} {factors}".rstrip()
        sign = "-" if term.coefficient < 0 else "+"
        text = f"{text} {sign} {body}" if text else f"-{body}" if sign == "-" else body
    return text if len(text) <= 40 else text[:39] + "…"


def _flat(shape: Sequence[int], place: Sequence[int]) -> int:
    """Where `place` of a broadcast shape falls in an operand of this shape: axes align at the last one."""
    index = 0
    own = place[len(place) - len(shape) :] if shape else ()
    for size, position in zip(shape, own, strict=True):
        index = index * size + (position if size > 1 else 0)
    return index
