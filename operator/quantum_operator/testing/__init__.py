"""For tests against this package: builders of resources, and a world in memory that fails and crashes on demand."""
