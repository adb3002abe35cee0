"""Errors, units, settings and the frozen records that rooms hand to each other."""
