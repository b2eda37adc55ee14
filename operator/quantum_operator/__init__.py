"""quantum-operator: quantum computing as an ordinary, governed, observable Kubernetes workload."""

__version__ = "0.1.0"
