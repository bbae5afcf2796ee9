"""Find the smallest setting that passes, with few looks. Pure: it rests on "more never makes it worse".

More probes read a superset of the lists, so recall can only grow with them; the same holds for hnsw's ef_search.
"""

from collections.abc import Callable

STEP = 0.05
"""Above 20, settings closer than this share of each other count as the same rung."""


def smallest_passing(
    passes: Callable[[int], bool],
    start: int,
    limit: int,
    *,
    near: bool = False,
    enough: Callable[[], bool] = lambda: False,
) -> int | None:
    """The smallest setting in 1…limit for which `passes`; None when even `limit` does not. Begins at `start`.

    Doubles or halves until it has one that fails and one that passes, then halves what lies between. `near`: the answer
    is thought to be about `start`, so it leaves there in steps of one rung, then two, four… Once it is `enough`, a
    setting that passes will do, the smallest or not.
    """
    low, high = 0, limit + 1  # `low` fails (0 does by definition), `high` passes (limit + 1 stands for none)
    probe = min(max(1, start), limit)
    stride = max(1, int(STEP * probe)) if near else probe
    while high - low > 1 and (high > limit or (high - low > STEP * high and not enough())):
        if passes(probe):
            high = probe
        else:
            low = probe
        probe = _next(low, high, limit, stride)
        stride *= 2
    return high if high <= limit else None


def _next(low: int, high: int, limit: int, stride: int) -> int:
    if high > limit:
        return min(low + stride, limit)
    if low == 0:
        return max(1, high // 2, high - stride)
    return (low + high) // 2
