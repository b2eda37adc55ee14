"""`python -m quantum_operator.cli` is `qjob`."""

from quantum_operator.cli import main

main()
