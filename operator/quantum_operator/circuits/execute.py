"""A job's whole work: programs in, one result for every pub out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from quantum_operator.api.run import InputProgram, JobInput, OutcomePub, RunSpec
from quantum_operator.api.task import EstimatePub, SamplePub
from quantum_operator.circuits.bind import Bindings, read_bindings
from quantum_operator.circuits.compile import Compiled, compile_program
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.estimate import Work, check_estimate, exact_method, run_exact, run_sampled
from quantum_operator.circuits.noise import Noise, make_noise, measured_positions, refuse_without_effect
from quantum_operator.circuits.program import Parsed, parse_program
from quantum_operator.circuits.sample import Registers, check_sample, run_sample, sample_outcome
from quantum_operator.circuits.seeds import derive, derive_transpiler
from quantum_operator.circuits.simulate import AerEngine, Engine

PHASES: Final = ("parse", "compile", "execute", "post_process")

Raw = list[Registers] | tuple[list[float], list[float]]
"""What a pub gave before it is put in order: outcomes of each binding, or values and standard errors."""


@dataclass(frozen=True)
class Finished:
    """What a job gave, with the compiled programs and the simulation methods behind it."""

    pubs: tuple[OutcomePub, ...]
    compiled: tuple[Compiled, ...]
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """A pub that fits its program; `work` is what an estimate has to do, None for a sample."""

    program: Parsed
    bindings: Bindings
    shots: int
    work: Work | None


@dataclass(frozen=True)
class Ready:
    """A program that can run: compiled, with its noise and the method to simulate it by."""

    compiled: Compiled
    noise: Noise | None
    method: str


@dataclass(frozen=True)
class Made:
    """What a job's work begins with: its pubs, checked, and its programs, compiled."""

    pubs: tuple[Checked, ...]
    ready: dict[str, Ready]


def execute(
    job: JobInput,
    spec: RunSpec,
    begin: Callable[[str], None],
    engine: Engine | None = None,
    made: Made | None = None,
) -> Finished:
    """Do the job, by Aer unless another engine is given; `begin` is told of each of PHASES as it starts.

    What was `made` of the job before is not made again. Raises RefusedError, MemoryError, RecursionError.
    """
    made = made or make(job, spec, begin)
    begin("execute")
    engine = engine or AerEngine(spec.simulator, spec.limits.memory_bytes)
    raw = [_run(engine, job, spec, index, pub, made.ready[pub.program.name]) for index, pub in enumerate(made.pubs)]
    begin("post_process")
    return Finished(
        pubs=tuple(_outcome(pub, one) for pub, one in zip(made.pubs, raw, strict=True)),
        compiled=tuple(one.compiled for one in made.ready.values()),
        methods=tuple(sorted(engine.methods)),
    )


def make(job: JobInput, spec: RunSpec, begin: Callable[[str], None]) -> Made:
    """Read, check and compile. Raises RefusedError, MemoryError, RecursionError."""
    begin("parse")
    programs = {one.name: _parse(one, f"spec.programs[{index}]") for index, one in enumerate(job.programs)}
    if len(programs) < len(job.programs):
        raise RefusedError("InvalidProgram", "two programs have the same name; rename one", "spec.programs")
    pubs = check_pubs(job, programs)
    begin("compile")
    used = {pub.program.name for pub in pubs}
    ready = {
        name: _prepare(job, spec, index, program, used=name in used)
        for index, (name, program) in enumerate(programs.items())
    }
    return Made(tuple(pubs), ready)


def check_pubs(job: JobInput, programs: dict[str, Parsed]) -> list[Checked]:
    """Every pub against its program, before anything is compiled. Raises RefusedError, which names the field."""
    task = job.task
    if (task.sample is None) == (task.estimate is None):
        raise RefusedError("InvalidParameters", "a task has exactly one of sample and estimate; give one", "spec.task")
    checked = []
    for index, sample in enumerate(task.sample.pubs if task.sample is not None else ()):
        field = f"spec.task.sample.pubs[{index}]"
        program, bindings = _bound(sample, programs, field)
        check_sample(sample, program, bindings, memory=job.execution.memory, field=field)
        checked.append(Checked(program, bindings, sample.shots, None))
    for index, estimate in enumerate(task.estimate.pubs if task.estimate is not None else ()):
        field = f"spec.task.estimate.pubs[{index}]"
        program, bindings = _bound(estimate, programs, field)
        _check_mode(job, estimate, field)
        work = check_estimate(estimate, program, bindings, field)
        checked.append(Checked(program, bindings, work.shots, work))
    return checked


def _parse(program: InputProgram, field: str) -> Parsed:
    try:
        return parse_program(program)
    except RefusedError as error:
        raise RefusedError(error.reason, f"program {program.name!r}: {error.message}", field) from error


def _bound(pub: SamplePub | EstimatePub, programs: dict[str, Parsed], field: str) -> tuple[Parsed, Bindings]:
    program = programs.get(pub.program)
    if program is None:
        message = f"{pub.program!r} is none of the job's programs, {', '.join(programs)}"
        raise RefusedError("InvalidProgram", message, f"{field}.program")
    return program, read_bindings(pub, program, field)


def _is_exact(job: JobInput) -> bool:
    return job.task.estimate is not None and job.task.estimate.mode == "exact"


def _check_mode(job: JobInput, pub: EstimatePub, field: str) -> None:
    """Sampled values have exactly one of shots and precision, exact ones have neither."""
    given = (pub.shots is not None) + (pub.precision is not None)
    if given != (0 if _is_exact(job) else 1):
        message = "mode sampled takes exactly one of shots and precision, mode exact neither; correct the pub"
        raise RefusedError("InvalidParameters", message, field)


def _prepare(job: JobInput, spec: RunSpec, index: int, program: Parsed, *, used: bool) -> Ready:
    model = job.execution.noise or spec.simulator.noise
    method: str = spec.simulator.method
    if _is_exact(job):
        method = exact_method(program.circuit, method, model is not None)
    compiled = compile_program(program, job.execution, spec.target, method, derive_transpiler(spec.seed, index))
    if model is None:
        return Ready(compiled, None, method)
    read = measured_positions(compiled.circuit) if job.task.sample is not None else frozenset(compiled.places)
    noise = make_noise(model, compiled, read)
    if used and job.execution.noise is not None:
        refuse_without_effect(noise, model, compiled)
    return Ready(compiled, noise, method)


def _run(engine: Engine, job: JobInput, spec: RunSpec, index: int, pub: Checked, ready: Ready) -> Raw:
    compiled, noise, method = ready.compiled, ready.noise, ready.method
    engine.on(compiled.target_qubits)
    if pub.work is None:
        return run_sample(
            engine,
            compiled,
            pub.bindings,
            noise,
            method=method,
            shots=pub.shots,
            memory=job.execution.memory,
            seed_of=partial(derive, spec.seed, "sample", index),
        )
    if _is_exact(job):
        values = run_exact(engine, compiled, pub.work, noise, method=method)
        return values, [0.0] * len(values)
    seed_of = partial(derive, spec.seed, "estimate", index)
    return run_sampled(engine, compiled, pub.work, noise, method=method, seed_of=seed_of)


def _outcome(pub: Checked, raw: Raw) -> OutcomePub:
    if isinstance(raw, list):
        return sample_outcome(pub.program, pub.bindings, raw, pub.shots)
    values, errors = raw
    shape = pub.bindings.shape if pub.work is None else pub.work.shape
    return OutcomePub(
        program=pub.program.name,
        shape=shape,
        shots=pub.shots,
        values=tuple(values),
        standard_errors=tuple(errors),
    )
