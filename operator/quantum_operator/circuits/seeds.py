"""Seeds: every random choice of a run has a seed of its own, derived from the job's.

Nothing shares a seed: Aer gives the circuits of one batch other seeds than it gives single runs, and one seed used
again repeats the same shot noise.
"""

import hashlib
import json


def derive(seed: int, role: str, *indices: int) -> int:
    """A seed of 63 bits: the first bytes of the SHA-256 of the JSON list [seed, role, *indices].

    `indices` are, in this order, those of the pub, the parameter binding and the group of commuting terms.
    """
    text = json.dumps([seed, role, *indices], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def derive_transpiler(seed: int, program: int) -> int:
    """The seed of one program's compilation; the transpiler takes 31 bits."""
    return derive(seed, "transpile", program) >> 32
