"""Stop waiting for the database: what a face calls when a person or a supervisor asks a run to end."""

from vectorshelf.store.db import cancel_queries

__all__ = ["cancel_queries"]
