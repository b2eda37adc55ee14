"""What parsing and compiling load on first use, loaded before workers are forked that would each load it again."""

from typing import Final

from quantum_operator.api.run import InputProgram, JobInput, RunSpec
from quantum_operator.api.task import SamplePub, SampleTask, Task
from quantum_operator.circuits.execute import prepare
from quantum_operator.circuits.program import parse_program

PROGRAM: Final = """OPENQASM 3.0;
include "stdgates.inc";
bit[2] c;
qubit[2] q;
h q[0];
cx q[0], q[1];
c = measure q;
"""


def warm_up(spec: RunSpec) -> None:
    """Parse and compile a small program of ours for the target of `spec`, as if a job had it. Nothing is simulated."""
    program = InputProgram(name="warm", language="qasm3", source=PROGRAM)
    task = Task(sample=SampleTask(pubs=(SamplePub(program="warm", shots=1),)))
    job = JobInput.model_validate({"programs": [program], "task": task, "execution": {}})
    prepare(job, spec, 0, parse_program(program), used=True)
