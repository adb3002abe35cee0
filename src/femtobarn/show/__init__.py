"""From results to significances, figures and the report."""
