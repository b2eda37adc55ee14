"""Sampling: counts of every classical register at every binding."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from quantum_operator.api.envelope import MAX_OUTCOME_BYTES
from quantum_operator.api.run import OutcomePub, OutcomeRegister, OutcomeSample
from quantum_operator.api.task import SamplePub
from quantum_operator.circuits.bind import Bindings, bind
from quantum_operator.circuits.compile import Compiled
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.noise import Noise
from quantum_operator.circuits.program import Parsed
from quantum_operator.circuits.simulate import Engine


@dataclass(frozen=True)
class Registers:
    """Raw outcomes of one binding: a count for each value of all bits, and the values shot by shot when kept."""

    counts: dict[str, int]
    memory: tuple[str, ...] | None


def check_sample(pub: SamplePub, parsed: Parsed, bindings: Bindings, *, memory: bool, field: str) -> None:
    """Refuse a program that measures nothing, and memory that no outcome can hold."""
    if not parsed.measured:
        raise RefusedError(
            "NoMeasurements",
            f"program {parsed.name!r} measures nothing, so there is nothing to sample; "
            "add measurements, or ask for observables with estimate",
            f"{field}.program",
        )
    size = sum(len(bits) + 3 for bits in parsed.registers.values()) * pub.shots * len(bindings.rows)
    if memory and size > MAX_OUTCOME_BYTES:
        raise RefusedError(
            "OutcomeTooLarge",
            f"every shot kept takes {size} bytes, at most {MAX_OUTCOME_BYTES} can leave a run; "
            "ask for fewer shots or bindings, or leave spec.execution.memory off",
            field,
        )


def run_sample(
    engine: Engine,
    compiled: Compiled,
    bindings: Bindings,
    noise: Noise | None,
    *,
    method: str,
    shots: int,
    memory: bool,
    seed_of: Callable[[int], int],
) -> list[Registers]:
    """Sample every binding in turn; `seed_of` gives each its seed."""
    found = []
    for index, values in enumerate(bindings.rows):
        data = engine.run(
            bind(compiled.circuit, compiled.program, values),
            method=method,
            seed=seed_of(index),
            shots=shots,
            noise=None if noise is None else noise.aer,
            memory=memory,
        )
        found.append(Registers(data["counts"], tuple(data["memory"]) if memory else None))
    return found


def sample_outcome(parsed: Parsed, bindings: Bindings, raw: list[Registers], shots: int) -> OutcomePub:
    """Raw outcomes told apart by register, in the order in which the program declares them."""
    samples = tuple(
        OutcomeSample(
            index=index,
            registers=tuple(_register(name, bits, one) for name, bits in parsed.registers.items() if bits),
        )
        for index, one in enumerate(raw)
    )
    return OutcomePub(program=parsed.name, shape=bindings.shape, shots=shots, samples=samples)


def _register(name: str, bits: tuple[int, ...], raw: Registers) -> OutcomeRegister:
    text = {value: bit_string(int(value, 16), bits) for value in raw.counts}
    counts: Counter[str] = Counter()
    for value, count in raw.counts.items():
        counts[text[value]] += count
    memory = None if raw.memory is None else tuple(text[value] for value in raw.memory)
    return OutcomeRegister(name=name, size=len(bits), counts=dict(counts), memory=memory)


def bit_string(value: int, bits: Iterable[int]) -> str:
    """The bits of `value` at these positions, the first of them rightmost."""
    return "".join("1" if value >> position & 1 else "0" for position in reversed(tuple(bits)))
