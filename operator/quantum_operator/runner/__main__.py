"""The entry of `python -m quantum_operator.runner`."""

import gc
import sys
import time

started = time.monotonic()
# Collecting while libraries load frees nothing and takes a tenth of the time; the worker turns it on again.
gc.disable()

from quantum_operator.runner import batch, supervisor  # noqa: E402 - the clock starts before the imports that it times

if __name__ == "__main__":
    carry_out = batch.main if "--batch" in sys.argv else supervisor.main
    sys.exit(carry_out(sys.argv[1:], started))
