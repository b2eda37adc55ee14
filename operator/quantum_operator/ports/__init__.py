"""What the reconcile loop needs of the world, as Protocols."""
