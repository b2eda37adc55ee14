"""Are these counts from that distribution? Exact distributions of circuits, and tests of counts against them.

Outcomes are strings over all classical bits of a circuit, bit 0 rightmost. A reference comes from the original
circuit, never from one that was parsed again.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from qiskit.circuit import Clbit, QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.quantum_info import Operator
from scipy.special import chdtrc

Distribution = dict[str, float]
State = npt.NDArray[np.complex128]
Branch = tuple[State, tuple[int, ...]]
Number = TypeVar("Number", int, float)

IMPOSSIBLE = 1e-10
EXPECTED_AT_LEAST = 5.0
WIDEST_MATRIX = 4
MOST_STEPS = 10_000
OPERATORS: dict[str, Callable[[int, int], int]] = {
    "BIT_AND": operator.and_,
    "BIT_OR": operator.or_,
    "BIT_XOR": operator.xor,
    "LOGIC_AND": lambda one, other: bool(one) and bool(other),
    "LOGIC_OR": lambda one, other: bool(one) or bool(other),
    "EQUAL": operator.eq,
    "NOT_EQUAL": operator.ne,
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
    "GREATER": operator.gt,
    "GREATER_EQUAL": operator.ge,
}


# --- exact distributions -------------------------------------------------------------------------------------------


def exact_distribution(circuit: QuantumCircuit) -> Distribution:
    """The probability of every possible outcome, by enumerating the branches of measurements and resets.

    The circuit may measure in the middle, reset, branch and loop; a loop that can go on forever is cut where the
    probability of still being in it is below 1e-10. Measurements that nothing follows don't branch.
    """
    head, tail = _split(circuit)
    width, bits = circuit.num_qubits, circuit.num_clbits
    start = np.zeros((2,) * width, dtype=complex)
    start[(0,) * width] = 1.0
    qubits = {bit: index for index, bit in enumerate(circuit.qubits)}
    clbits = {bit: index for index, bit in enumerate(circuit.clbits)}
    found: Distribution = {}
    for state, memory in _run([(start, (0,) * bits)], head, qubits, clbits):
        _read_out(state, memory, [(qubits[q], clbits[c]) for q, c in tail], found)
    return {outcome: p for outcome, p in found.items() if p > IMPOSSIBLE}


def _split(circuit: QuantumCircuit) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The instructions, and apart from them the final measurements as (qubit, bit)."""
    head: list[Any] = []
    tail: list[tuple[Any, Any]] = []
    later: set[Any] = set()
    for one in reversed(circuit.data):
        if one.operation.name in ("barrier", "delay"):
            continue
        if one.operation.name == "measure" and not later & {*one.qubits, *one.clbits}:
            tail.append((one.qubits[0], one.clbits[0]))
        else:
            head.append(one)
        later |= {*one.qubits, *one.clbits}
    return head[::-1], tail


def _run(branches: list[Branch], instructions: Iterable[Any], qubits: Any, clbits: Any) -> list[Branch]:
    for one in instructions:
        name = one.operation.name
        places = [qubits[bit] for bit in one.qubits]
        if name in ("barrier", "delay"):
            continue
        if name == "measure":
            branches = [b for branch in branches for b in _measure(branch, places[0], clbits[one.clbits[0]])]
        elif name == "reset":
            branches = [b for branch in branches for b in _measure(branch, places[0], None)]
        elif name in ("if_else", "while_loop", "for_loop", "box"):
            branches = [b for branch in branches for b in _control(branch, one, qubits, clbits)]
        elif name in ("break_loop", "continue_loop"):
            raise NotImplementedError(f"{name} is not enumerated")
        else:
            branches = [(_apply(state, one.operation, places), memory) for state, memory in branches]
    return branches


def _apply(state: State, operation: Any, places: Sequence[int]) -> State:
    if len(places) > WIDEST_MATRIX and operation.definition is not None:
        body = operation.definition
        inner = {bit: places[index] for index, bit in enumerate(body.qubits)}
        for one in body.data:
            state = _apply(state, one.operation, [inner[bit] for bit in one.qubits])
        return np.asarray(state * np.exp(1j * float(body.global_phase)))
    count, width = len(places), state.ndim
    matrix = np.asarray(Operator(operation).data).reshape((2,) * (2 * count))
    axes = [width - 1 - place for place in reversed(places)]
    moved = np.tensordot(matrix, state, axes=(list(range(count, 2 * count)), axes))
    return np.moveaxis(moved, list(range(count)), axes)


def _measure(branch: Branch, place: int, bit: int | None) -> list[Branch]:
    """Both outcomes of a measurement into `bit`, or of a reset (bit None)."""
    state, memory = branch
    axis = state.ndim - 1 - place
    found = []
    for value in (0, 1):
        kept = np.take(state, value, axis=axis)
        if float(np.vdot(kept, kept).real) <= IMPOSSIBLE:
            continue
        after = np.zeros_like(state)
        index: list[Any] = [slice(None)] * state.ndim
        index[axis] = 0 if bit is None else value
        after[tuple(index)] = kept
        new = memory if bit is None else (*memory[:bit], value, *memory[bit + 1 :])
        found.append((after, new))
    return found


def _control(branch: Branch, one: Any, qubits: Any, clbits: Any) -> list[Branch]:
    operation = one.operation
    if operation.name == "if_else":
        chosen = 0 if _holds(operation.condition, branch[1], clbits) else 1
        body = operation.params[chosen]
        return [branch] if body is None else _block([branch], body, one, qubits, clbits)
    if operation.name == "box":
        return _block([branch], operation.blocks[0], one, qubits, clbits)
    if operation.name == "for_loop":
        values, variable, body = operation.params
        branches = [branch]
        for value in values:
            bound = body.assign_parameters({variable: value}) if variable in body.parameters else body
            branches = _block(branches, bound, one, qubits, clbits)
        return branches
    inside, outside = [branch], []
    for _ in range(MOST_STEPS):
        outside += [b for b in inside if not _holds(operation.condition, b[1], clbits)]
        inside = [b for b in inside if _holds(operation.condition, b[1], clbits)]
        if sum(float(np.vdot(state, state).real) for state, _ in inside) <= IMPOSSIBLE:
            return outside
        inside = _block(inside, operation.params[0], one, qubits, clbits)
    raise AssertionError("a loop does not end")


def _block(branches: list[Branch], body: QuantumCircuit, one: Any, qubits: Any, clbits: Any) -> list[Branch]:
    inner = {bit: qubits[outer] for bit, outer in zip(body.qubits, one.qubits, strict=True)}
    bits = {bit: clbits[outer] for bit, outer in zip(body.clbits, one.clbits, strict=True)}
    return _run(branches, body.data, inner, {**clbits, **bits})


def _holds(condition: Any, memory: tuple[int, ...], clbits: Any) -> bool:
    if isinstance(condition, expr.Expr):
        return bool(_value(condition, memory, clbits))
    target, value = condition
    return _read(target, memory, clbits) == int(value)


def _read(target: Any, memory: tuple[int, ...], clbits: Any) -> int:
    bits = [target] if isinstance(target, Clbit) else list(target)
    return sum(memory[clbits[bit]] << index for index, bit in enumerate(bits))


def _value(node: Any, memory: tuple[int, ...], clbits: Any) -> int:
    """A classical expression's value, as an unsigned number."""
    match node:
        case expr.Var():
            return _read(node.var, memory, clbits)
        case expr.Value():
            return int(node.value)
        case expr.Cast():
            return _value(node.operand, memory, clbits)
        case expr.Unary():
            value = _value(node.operand, memory, clbits)
            width = getattr(node.type, "width", 1)
            return int(not value) if node.op is expr.Unary.Op.LOGIC_NOT else ~value & ((1 << width) - 1)
        case expr.Binary():
            return int(OPERATORS[node.op.name](*(_value(one, memory, clbits) for one in (node.left, node.right))))
    raise NotImplementedError(f"{type(node).__name__} is not evaluated")


def _read_out(state: State, memory: tuple[int, ...], pairs: list[tuple[int, int]], found: Distribution) -> None:
    width = state.ndim
    probabilities = np.abs(state) ** 2
    kept = [place for place, _ in pairs]
    dropped = tuple(width - 1 - place for place in range(width) if place not in kept)
    marginal = probabilities.sum(axis=dropped) if dropped else probabilities
    order = sorted(kept, reverse=True)
    for index in np.argwhere(marginal > 0):
        value = dict(zip(order, (int(bit) for bit in index), strict=True))
        final = list(memory)
        for place, bit in pairs:
            final[bit] = value[place]
        outcome = "".join(str(bit) for bit in reversed(final))
        found[outcome] = found.get(outcome, 0.0) + float(marginal[tuple(index)])


def register_distribution(distribution: Distribution, positions: Sequence[int]) -> Distribution:
    """The distribution of the bits at `positions` alone, the first of them rightmost."""
    found: Distribution = {}
    for outcome, p in distribution.items():
        key = "".join(outcome[len(outcome) - 1 - position] for position in reversed(positions))
        found[key] = found.get(key, 0.0) + p
    return found


def reversed_bits(outcomes: Mapping[str, Number]) -> dict[str, Number]:
    """The same outcomes read from the wrong end: the control that a test of counts must tell apart."""
    return {outcome[::-1]: value for outcome, value in outcomes.items()}


def total_variation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Half the sum of absolute differences: 0 for equal distributions, 1 for disjoint ones."""
    return sum(abs(one.get(key, 0.0) - other.get(key, 0.0)) for key in {*one, *other}) / 2


# --- tests of counts -----------------------------------------------------------------------------------------------


def p_value(counts: Mapping[str, int], expected: Distribution, *, seed: int = 1) -> float:
    """How likely counts at least this far from `expected` are, if they come from it. 0 for an impossible outcome.

    Pearson's chi-squared over cells pooled to an expectation of 5 or more; where that leaves a single cell, a Monte
    Carlo multinomial. Without pooling, the test gives many times its nominal false alarms.
    """
    if any(count and expected.get(outcome, 0.0) <= IMPOSSIBLE for outcome, count in counts.items()):
        return 0.0
    shots = sum(counts.values())
    cells = pooled(counts, expected, shots)
    if len(cells) > 1:
        statistic = sum((observed - mean) ** 2 / mean for observed, mean in cells)
        return float(chdtrc(len(cells) - 1, statistic))
    return 1.0 if len(expected) == 1 else monte_carlo(counts, expected, seed=seed)


def pooled(counts: Mapping[str, int], expected: Distribution, shots: int) -> list[tuple[int, float]]:
    """(observed, expected) of cells joined, rarest first, until each expects at least 5."""
    cells: list[tuple[int, float]] = []
    observed, mean = 0, 0.0
    for outcome, p in sorted(expected.items(), key=lambda item: (item[1], item[0])):
        observed, mean = observed + counts.get(outcome, 0), mean + p * shots
        if mean >= EXPECTED_AT_LEAST:
            cells.append((observed, mean))
            observed, mean = 0, 0.0
    if mean and cells:
        last = cells.pop()
        cells.append((last[0] + observed, last[1] + mean))
    return cells or [(observed, mean)]


def monte_carlo(counts: Mapping[str, int], expected: Distribution, *, seed: int, draws: int = 2000) -> float:
    """The share of multinomial draws that are no likelier than `counts`, the observation counted among them."""
    outcomes = sorted(expected)
    p = np.array([expected[outcome] for outcome in outcomes])
    p = p / p.sum()
    observed = np.array([counts.get(outcome, 0) for outcome in outcomes])

    def statistic(sample: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        mean = p * observed.sum()
        return np.asarray(((sample - mean) ** 2 / mean).sum(axis=-1))

    drawn = np.random.default_rng(seed).multinomial(observed.sum(), p, size=draws)
    at_least = int((statistic(drawn) >= statistic(observed) - 1e-9).sum())
    return (at_least + 1) / (draws + 1)


def holm(p_values: Mapping[str, float], alpha: float = 0.01) -> list[str]:
    """The names whose hypothesis Holm's step-down method rejects at a family-wise error of `alpha`."""
    rejected = []
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for index, (name, p) in enumerate(ordered):
        if p > alpha / (len(ordered) - index):
            break
        rejected.append(name)
    return rejected
