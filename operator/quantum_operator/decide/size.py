"""Sizes as the API server stores them: a status stays under 32 KiB, and so each part of it has a budget."""

import json

STATUS_BYTES = 32_000
"""What a status may take, as compact JSON: under 32 KiB, with room for what the API server adds."""

MESSAGE_BYTES = 1_024
"""What the message of a condition may take."""

NOTE_BYTES = 200
"""What the message of one attempt, or of one candidate, may take: there are many of them."""

CAUSE_BYTES = 400
"""What the message of an attempt that failed may take: it may become that of its job, and there are few of them."""

COMPARISON_BYTES = 2_500
"""What a shadow's comparison with its primary may take, and the condition that tells of it."""


def json_bytes(value: object) -> int:
    """The bytes of `value` as compact JSON in UTF-8."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode(errors="replace"))


def clip(text: str, limit: int = MESSAGE_BYTES) -> str:
    """`text`, cut with an ellipsis where it would take more than `limit` bytes of JSON. Always encodable."""
    text = text.encode(errors="replace").decode()
    if json_bytes(text) <= limit:
        return text
    kept = text[:limit]
    while (over := json_bytes(kept + "…") - limit) > 0:
        kept = kept[: len(kept) - max(1, over // 6)]
    return kept + "…"
