"""Programs: parsed, compiled, bound and simulated. Qiskit is imported here and in the runner, nowhere else."""
