"""What Qiskit loads when it first parses and first compiles, loaded ahead, by a process that forks others to do so.

It takes most of a second, which a process that is forked is spared. Nothing is compiled here: that would start a
thread, which no forked process has, and for which each would wait.
"""

from typing import Final

from qiskit.transpiler.passes.synthesis.plugin import HighLevelSynthesisPluginManager, UnitarySynthesisPluginManager
from qiskit.transpiler.preset_passmanagers.plugin import PassManagerStagePluginManager

from quantum_operator.circuits.qasm3 import import_qasm3

PROGRAM: Final = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] a;
qubit[2] q;
bit[2] c;
rx(a) q[0];
cx q[0], q[1];
c[0] = measure q[0];
if (c[0]) { x q[1]; }
reset q[0];
barrier q;
c = measure q;
"""
"""Our own: whoever loads ahead has read no other program."""


def preload() -> None:
    """Load it. Starts no thread."""
    import_qasm3(PROGRAM)
    for manager in (PassManagerStagePluginManager, UnitarySynthesisPluginManager, HighLevelSynthesisPluginManager):
        manager()
