"""Texts become vectors: packs requests, holds the rate limit, calls the model, checks what returns, retries, isolates poison."""
