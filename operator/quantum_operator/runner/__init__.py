"""What runs inside a pod or a subprocess: one task in, one outcome out.

`python -m quantum_operator.runner --input FILE --termination FILE`, with the RunSpec in the environment (see
`quantum_operator.api.runenvironment`). A supervisor, which imports no Qiskit, checks the input's digest and forks a
worker that does the work within limits on memory and time; the supervisor leaves an outcome whatever becomes of the
worker.
"""
