"""Vectorshelf: product catalogs become searchable vectors in Postgres.

Rooms, in the order data flows (imports run downward only, see `docs/architecture.md`):
`catalog` → `extract` → `store` → `embed` → `pipeline` → faces (`report`, `cli`, `embedded`).
"""

__version__ = "0.1.0"
