"""What the API server does with a new object, step by step, so that a file can be checked without a cluster.

Each module follows one step of Kubernetes 1.36, in the same words: tests/contract compares the two. Nothing here knows
a field of ours; everything is read from the rendered schemas.
"""
