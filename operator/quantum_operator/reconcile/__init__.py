"""Observe, decide, act: the loop that both shells drive."""
