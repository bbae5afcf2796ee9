"""Texts become vectors: packed, paced, sent, checked, saved. Nothing is paid for twice, and poison stands alone."""
