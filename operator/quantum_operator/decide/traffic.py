"""Shares of traffic: which backend's share a job falls into, by its UID and nothing else."""

import hashlib

from quantum_operator.api.policy import BackendPolicySpec


def percentile(text: str) -> int:
    """Where this falls, from 0 to 99: always there, and as if by chance."""
    return int.from_bytes(hashlib.sha256(text.encode(errors="replace")).digest()[:8], "big") % 100


def bucket_of(uid: str, policy: BackendPolicySpec | None) -> int | None:
    """Where the job of this UID falls, from 0 to 99; None where the policy splits no traffic."""
    if policy is None or not policy.traffic:
        return None
    return percentile(uid)


def drawn(policy: BackendPolicySpec, bucket: int | None) -> str | None:
    """The backend whose share this is: shares lie one behind the other, and what is beyond all of them is nobody's."""
    end = 0
    for share in policy.traffic if bucket is not None else ():
        end += share.percent
        if bucket is not None and bucket < end:
            return share.backend
    return None
