"""What a person reads after a run: a page, and a few lines in the terminal."""

from femtobarn.show.report.page import render, write_report
from femtobarn.show.report.summary import print_summary, problems, significance_lines, summary, yields_table

__all__ = [
    "print_summary",
    "problems",
    "render",
    "significance_lines",
    "summary",
    "write_report",
    "yields_table",
]
