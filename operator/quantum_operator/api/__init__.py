"""The resources of quantum-operator.dev/v1alpha1 as pydantic types, and what is derived from them."""
