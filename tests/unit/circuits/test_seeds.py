"""Seeds: every choice its own, and the same choices again for the same seed."""

import hashlib
import itertools
import math

from quantum_operator.circuits.seeds import derive, derive_transpiler
from support.runs import BELL3, PAIR3, counts, estimate, finish, observable, sample, spec, template
from support.runs import qasm3 as program3

CONSTANT = 'include "stdgates.inc"; input float w; qubit[4] q; bit[4] c; h q; rz(w) q[0]; c = measure q;'


def test_every_role_and_index_has_its_own_seed() -> None:
    """No two of a thousand choices share a seed, neither within a role nor across roles or job seeds."""
    seeds = [
        derive(seed, role, *indices)
        for seed in (0, 1)
        for role in ("sample", "estimate")
        for size in (1, 2, 3)
        for indices in itertools.product(range(6), repeat=size)
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert 0 <= derive_transpiler(5, 0) < 2**31


def test_seeds_are_fixed_for_good() -> None:
    """The derivation is a contract: 63 bits of the SHA-256 of a JSON list, in every version."""
    digest = hashlib.sha256(b'[7,"sample",0,0]').digest()
    assert derive(7, "sample", 0, 0) == int.from_bytes(digest[:8], "big") // 2 == 5039038957984507485


def test_same_seed_same_counts() -> None:
    """The same job with the same seed, engine, precision and threads gives the same counts, shot by shot."""
    first, second = (finish(program3(BELL3), sample(), memory=True).pubs[0] for _ in range(2))
    assert first == second


def test_another_seed_gives_other_counts() -> None:
    """Another seed gives other shots."""
    first, second = (finish(program3(BELL3), sample(), spec(seed=s), memory=True).pubs[0] for s in (1, 2))
    assert first != second


def test_seeds_beyond_32_bits_count() -> None:
    """Job seeds that differ only above 32 bits give other counts."""
    first, second = (finish(program3(BELL3), sample(), spec(seed=s), memory=True).pubs[0] for s in (1, 2**40 + 1))
    assert first != second


def test_bindings_do_not_share_their_noise() -> None:
    """Equal bindings of one sweep get other shots each: shot noise does not repeat along a sweep."""
    task = sample(parameterNames=["w"], parameterValues=[[0.1]] * 8)
    pub = finish(program3(CONSTANT), task).pubs[0]
    seen = [tuple(sorted(counts(pub, index=i).items())) for i in range(8)]
    assert len(set(seen)) == 8


def test_pubs_do_not_share_their_noise() -> None:
    """Two equal pubs of a job get other shots each."""
    pubs = [{"program": "p", "shots": 512}, {"program": "p", "shots": 512}]
    done = finish(program3(BELL3), {"sample": {"pubs": pubs}}, memory=True)
    assert done.pubs[0] != done.pubs[1]


def test_groups_do_not_share_their_noise() -> None:
    """The groups of one estimate are sampled independently: X on one qubit and Y on it don't fluctuate together."""
    source = 'include "stdgates.inc"; qubit q;'
    task = estimate([observable(("X", [0], 1.0)), observable(("Y", [0], 1.0))], shots=501)
    values = [finish(program3(source), task, spec(seed=s)).pubs[0].values or () for s in range(40)]
    assert any(math.copysign(1, x) != math.copysign(1, y) for x, y in values)


def test_same_seed_same_estimate() -> None:
    """An estimate with the same seed repeats to the last bit."""
    task = estimate([observable(("Z", [0], 1.0), ("X", [1], 0.5))], shots=100)
    assert finish(program3(PAIR3), task).pubs == finish(program3(PAIR3), task).pubs


def test_threads_and_precision_are_those_of_the_backend() -> None:
    """A backend of two threads and single precision runs, and repeats itself."""
    run = spec(simulator={"threads": 2, "precision": "single", "method": "statevector"})
    program = template("qft", qubits="5")
    assert finish(program, sample(), run).pubs == finish(program, sample(), run).pubs


def test_single_precision_is_an_opt_in() -> None:
    """Double precision is right to 1e-12; single, where the backend asks for it, to some 1e-6 and no better."""
    task = estimate([observable(("Z", [0], 1.0))], mode="exact")
    source = 'include "stdgates.inc"; qubit[3] q; ' + "".join(f"ry(0.{i}) q[0]; t q[0];" for i in range(1, 40))
    double, single = (
        finish(program3(source), task, spec(simulator={"precision": precision, "method": "statevector"}))
        for precision in ("double", "single")
    )
    assert double.pubs[0].values is not None
    assert single.pubs[0].values is not None
    assert 1e-12 < abs(double.pubs[0].values[0] - single.pubs[0].values[0]) < 1e-5
