"""Figures, accuracy and area tables, and the report of a map."""
