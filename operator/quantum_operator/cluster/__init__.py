"""The cluster shell: kopf delivers keys, the ports are the Kubernetes API, and `python -m quantum_operator.cluster`."""
