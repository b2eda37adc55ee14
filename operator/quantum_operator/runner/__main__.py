"""The entry of `python -m quantum_operator.runner`."""

import gc
import sys
import time

started = time.monotonic()
# Collecting while libraries load frees nothing and takes a tenth of the time; the worker turns it on again.
gc.disable()

from quantum_operator.runner.supervisor import main  # noqa: E402 - the clock starts before the imports that it times

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], started))
