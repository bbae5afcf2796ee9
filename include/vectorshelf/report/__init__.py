"""What a run did, in words and figures: for a terminal, for a log, for the table of catalogs. Pure rendering.

Takes the objects of the pipeline (`vectorshelf run --json`, `status --json`, …) and never asks a database or a clock.
"""

from vectorshelf.report.forecast import forecast_table
from vectorshelf.report.run import failed_figures, next_steps, plain
from vectorshelf.report.succession import forgotten, rolled_back

__all__ = ["failed_figures", "forecast_table", "forgotten", "next_steps", "plain", "rolled_back"]
