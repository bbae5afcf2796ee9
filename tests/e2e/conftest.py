"""What is left out of the ordinary run, and why."""

import os

# Passes alone, but on a busy machine Airflow 3.3.2 sometimes never takes an answer (once in three runs of the suite):
# run it with VECTORSHELF_APPROVAL=1. tests/dags/test_approval.py covers the wiring, and
# tests/integration/test_budget.py what an approval does to the budget.
collect_ignore = [] if os.environ.get("VECTORSHELF_APPROVAL") == "1" else ["test_approval.py"]

# A whole Airflow for one claim takes minutes: run it with VECTORSHELF_BATCH=1. The small one: tests/dags/test_batch.py.
collect_ignore += [] if os.environ.get("VECTORSHELF_BATCH") == "1" else ["test_batch.py"]
