"""The adapters that come with the operator."""

import pytest

from quantum_operator.agent.plugin import NoAdapterError, load


def test_adapters_are_found_by_name() -> None:
    """By their entry points; one that is not installed is named beside those that are."""
    assert callable(load("ibm"))
    with pytest.raises(NoAdapterError, match="no adapter 'qpu' is installed; there are braket, ibm"):
        load("qpu")
