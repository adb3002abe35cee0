"""Bytes, catalogue, columns and formats: from files to flat arrays in one event model."""
