"""What a person reads after a run: a page, and a few lines in the terminal."""

from femtobarn.show.report.page import render, write_report
from femtobarn.show.report.summary import problems, significance_lines, summary, yields_table

__all__ = ["problems", "render", "significance_lines", "summary", "write_report", "yields_table"]
