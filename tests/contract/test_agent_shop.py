"""Where circuits are compiled: what is imported before any program is read."""

import subprocess
import sys

import pytest

from quantum_operator.agent.shop import _load_adapter
from quantum_operator.ports.adapter import Circuits, Prepared, UnsupportedError

LOADED = """
import sys
from quantum_operator.agent.plugin import load
from quantum_operator.agent.shop import _load_adapter, _load_libraries
_load_libraries()
_load_adapter(load("{adapter}")({settings}))
print(sorted(set(sys.modules) & {modules}))
numba = sys.modules.get("numba")
assert numba is None or numba.config.DISABLE_JIT
"""
IBM = {"token": "key", "instance": "crn:v1:bluemix:public:quantum-computing:us-east:a/1:2::"}
BRAKET = {"region": "us-east-1", "bucket": "results"}


@pytest.mark.parametrize(
    ("adapter", "settings", "modules"),
    [
        ("ibm", IBM, {"quantum_adapters.ibm.circuits", "quantum_operator.circuits.remote"}),
        ("braket", BRAKET, {"quantum_adapters.braket.circuits", "qiskit_braket_provider", "braket.ir.openqasm"}),
    ],
)
def test_what_prepares_circuits_is_imported_once(adapter: str, settings: dict[str, str], modules: set[str]) -> None:
    """And not again in every child, which takes longer than its work."""
    code = LOADED.format(adapter=adapter, settings=settings, modules=modules)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str(sorted(modules))


@pytest.mark.parametrize("error", [UnsupportedError("no QPY"), KeyError("device")])
def test_an_adapter_that_takes_no_nothing_is_no_failure(error: Exception) -> None:
    """Whatever it raises then: a task will tell."""

    class Broken:
        asked = 0

        def prepare(self, circuits: Circuits) -> Prepared:
            self.asked += 1
            assert (circuits.qpy, circuits.shots) == (b"", ())
            raise error

    adapter = Broken()
    _load_adapter(adapter)  # type: ignore[arg-type]
    assert adapter.asked == 1
