"""The agent: drives the QuantumTasks of one provider account, in a namespace of its own."""
