"""STAC catalogues as datasets: items, collections, static catalogues, tables and searches."""

from .dataset import StacDataset

__all__ = ["StacDataset"]
