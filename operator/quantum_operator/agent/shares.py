"""How the charge of a submission is divided among the tasks that share it."""

from collections.abc import Sequence


def shares(total: int, weights: Sequence[int], most: Sequence[int]) -> tuple[int, ...]:
    """Whole parts of `total` in proportion to `weights`, and together all of it.

    None is above its `most`; where `total` is more than all of these together, none is below.
    """
    beyond = total - sum(most)
    if beyond >= 0:
        return tuple(one + more for one, more in zip(most, _divided(beyond, weights), strict=True))
    parts, rest = list(most), list(range(len(most)))
    while rest:
        left = total - sum(part for one, part in enumerate(parts) if one not in rest)
        divided = dict(zip(rest, _divided(left, [weights[one] for one in rest]), strict=True))
        fitting = [one for one in rest if divided[one] <= most[one]]
        if len(fitting) == len(rest):
            for one, part in divided.items():
                parts[one] = part
            break
        rest = fitting
    return tuple(parts)


def _divided(total: int, weights: Sequence[int]) -> list[int]:
    """By the largest remainder; in equal parts where nothing weighs anything."""
    sure = list(weights) if any(weights) else [1] * len(weights)
    whole = sum(sure)
    parts = [total * weight // whole for weight in sure]
    by_remainder = sorted(range(len(sure)), key=lambda one: (-(total * sure[one] % whole), one))
    for one in by_remainder[: total - sum(parts)]:
        parts[one] += 1
    return parts
