"""The one error of this package."""


class ClusterError(Exception):
    """The cluster can't be had, or a program of it failed; the message says which, and what to do."""
