"""The setting that trades speed for recall, per type of index: ivfflat.probes or hnsw.ef_search. Pure."""

import math

from vectorshelf.store.index_decision import Existing, IndexType
from vectorshelf.store.recall import Knob

SETTINGS: dict[IndexType, str] = {"ivfflat": "ivfflat.probes", "hnsw": "hnsw.ef_search"}

_MAX_EF_SEARCH = 1000  # pgvector's limit
_START_EF_SEARCH = 40  # pgvector's default
_SAFE_EF_SEARCH = 400


def knob_for(kind: IndexType, lists: int | None, start: int | None) -> Knob:
    """Where to look for the smallest setting: from pgvector's guidance, or what served so far, to the largest."""
    limit = _MAX_EF_SEARCH if lists is None else lists
    guess = _START_EF_SEARCH if lists is None else math.isqrt(lists)
    return Knob(SETTINGS[kind], min(start or guess, limit), limit, "rows" if kind == "ivfflat" else "between")


def interim_knobs(kind: IndexType, lists: int | None, old: Existing | None, now: int | None) -> dict[str, int]:
    """The setting that serves the old index and the new one well, until the new one's recall is measured.

    `now` is what the search function carries. Without an index searches read the whole table so far, and half of the
    lists is no slower than that; else one and a half times the share of the lists that was enough before.
    """
    if lists is None:
        return {SETTINGS[kind]: max(now or 0, _SAFE_EF_SEARCH)}
    if old is None or not old.valid or old.lists is None or now is None:
        return {SETTINGS[kind]: math.ceil(lists / 2)}
    share = now / old.lists
    return {SETTINGS[kind]: max(now, min(lists, math.ceil(1.5 * share * lists)))}
