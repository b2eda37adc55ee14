"""The conformance suite as Braket keeps it."""

from quantum_operator.testing.adapter_bench import Bench
from quantum_operator.testing.adapter_combining import CombiningChecks
from quantum_operator.testing.adapter_conformance import AdapterConformance


class BraketConformance(AdapterConformance):
    """What Braket does not promise is not checked, but that it does not promise it is."""

    def test_prepare_refuses_pairs_that_are_not_coupled(self, bench: Bench) -> None:
        """Braket maps circuits to the device itself: any pair goes."""
        assert bench.device().coupling is None

    def test_a_ceiling_is_enforced(self, bench: Bench) -> None:
        """The price is known before, and checked then: nothing is stopped on the way."""
        assert not bench.adapter.capabilities().enforces_ceiling

    def test_nothing_is_combined(self, bench: Bench) -> None:
        """The circuits of several tasks are not submitted as one, and the adapter says so."""
        assert not bench.adapter.capabilities().combines


for check in filter(lambda name: name.startswith("test_"), vars(CombiningChecks)):
    setattr(BraketConformance, check, None)
