"""Whatever csv.writer can write comes back as it was."""

import csv
import io
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.extract.feeds import AS_OF, catalog
from vectorshelf.extract import Product, read_products

HEADER = ["sku", "title", "department", "note", "more"]
# Every character but what no Postgres text can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
TRICKY = st.text(st.sampled_from(",;\t|\"'\n\r\\ a\u2028é"), max_size=8)
ROW = st.tuples(TEXT | TRICKY, TEXT | TRICKY, TEXT | TRICKY)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_table_of_strings_comes_back_equal(rows, delimiter, quoting, line_end, encoding):
    if quoting == csv.QUOTE_MINIMAL:  # before Python 3.13 the writer leaves line ends that are not its own unquoted
        rows = [tuple(cell.replace("\r", "").replace("\n", "") for cell in row) for row in rows]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    writer.writerow(HEADER)
    writer.writerows([f"id-{number}", "name", *row] for number, row in enumerate(rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        source = catalog(path, source={"encoding": "utf-16"} if encoding == "utf-16" else None)
        products = list(read_products(source, as_of=AS_OF))
    assert all(isinstance(product, Product) for product in products), products
    assert [product.id for product in products] == [f"id-{number}" for number in range(len(rows))]
    for product, (category, note, more) in zip(products, rows, strict=True):
        values = {"note": note, "more": more}
        assert product.category == category.strip()
        assert json.loads(product.attributes) == {key: value for key, value in values.items() if value.strip()}
