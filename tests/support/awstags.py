"""Which tags AWS takes: https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html"""


def untaggable(tags: dict[str, str]) -> str:
    """What of these tags AWS does not take."""
    if len(tags) > 50:
        return "more than 50 tags"
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            return f"tag {key!r} is too long, or AWS's own"
        if not all(c.isalnum() or c.isspace() or c in "_.:/=+-@" for c in key + value):
            return f"tag {key!r} has a character that AWS does not take"
    return ""
