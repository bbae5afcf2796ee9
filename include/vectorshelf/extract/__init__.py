"""Read a source and yield products and rejects, one at a time. Holds a few rows, writes nothing.

Duplicate ids are not looked for: that would take memory that grows with the catalog. The store finds them.
"""

from vectorshelf.extract.opening import Opener
from vectorshelf.extract.product import Product, Reject
from vectorshelf.extract.reading import read_products

__all__ = ["Opener", "Product", "Reject", "read_products"]
