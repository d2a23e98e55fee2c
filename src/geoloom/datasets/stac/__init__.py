"""STAC catalogues as datasets: items, collections, static catalogues, tables and searches."""
