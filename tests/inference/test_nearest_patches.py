"""Search by example in tables of patches, held against plain numpy."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geoloom.core.errors import ConfigError, VectorError
from geoloom.inference import nearest_patches
from geoloom.inference.similarity import patches

COUNT, SIZE = 500, 7


@pytest.fixture(scope="module")
def vectors():
    made = np.random.default_rng(0).normal(size=(COUNT, SIZE)).astype("float32")
    made[3] = made[401]  # a twin
    made[5, 2] = np.nan
    return made


@pytest.fixture(scope="module")
def table(vectors):
    places = shapely.points(np.arange(COUNT), np.arange(COUNT) % 40)
    names = [f"patch {number}" for number in range(COUNT)]
    return gpd.GeoDataFrame(
        {"name": names, "embedding": list(vectors)}, geometry=places, crs="EPSG:4326"
    )


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(patches, "_ROWS_AT_ONCE", 64)


def best(vectors, wanted, metric):
    """Rows, the most alike first, and how alike they are."""
    rows = vectors.astype("float64")
    if metric == "euclidean":
        scores = np.linalg.norm(rows - wanted, axis=1)
        order = np.argsort(scores, kind="stable")
    else:
        scores = rows @ wanted
        if metric == "cosine":
            scores = scores / np.linalg.norm(rows, axis=1) / np.linalg.norm(wanted)
        order = np.argsort(-scores, kind="stable")
    return order[np.isfinite(scores[order])], scores


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("groups", [None, 90])
def test_of_a_file_and_of_a_frame(tmp_path, table, vectors, metric, groups):
    table.to_parquet(tmp_path / "t.parquet", row_group_size=groups)
    wanted = vectors[401]
    order, scores = best(vectors, wanted, metric)
    column = {
        "cosine": "cosine_similarity",
        "dot": "dot_product",
        "euclidean": "euclidean_distance",
    }[metric]
    for given in (table, tmp_path / "t.parquet", str(tmp_path / "t.parquet")):
        found = nearest_patches(given, wanted, 12, metric=metric)
        assert found.index.tolist() == order[:12].tolist()
        assert found["name"].tolist() == [f"patch {row}" for row in order[:12]]
        assert found.geometry.x.tolist() == order[:12].tolist()
        assert found.crs == "EPSG:4326"
        np.testing.assert_allclose(found[column], scores[order[:12]], atol=1e-5)
    if metric != "dot":
        assert order[:2].tolist() == [3, 401]  # of equal ones the first


def test_a_column_for_each_number(tmp_path, vectors):
    names = [f"feature_{number}" for number in range(1, SIZE + 1)]
    frame = pd.DataFrame(vectors, columns=names).assign(row=1, id_1=7)
    frame = frame[["id_1", *names[::-1], "row"]]  # in whichever order
    frame.to_parquet(tmp_path / "t.parquet")
    order, _ = best(vectors, vectors[9], "cosine")
    for given in (frame, tmp_path / "t.parquet"):
        found = nearest_patches(given, vectors[9], 4)
        assert found.index.tolist() == order[:4].tolist()
        assert not hasattr(found, "crs")
    two = nearest_patches(frame, vectors[9][:2], 4, columns=names[:2])
    assert two.index.tolist() == best(vectors[:, :2], vectors[9, :2], "cosine")[0][:4].tolist()


def test_of_fewer_rows_all(table, vectors):
    assert len(nearest_patches(table, vectors[0], 10_000)) == COUNT - 1  # one is not finite


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"k": 0}, ConfigError, "k is 0"),
        ({"vector": np.ones(3)}, ConfigError, "vector has 3 numbers, and those of the table 7"),
        ({"vector": np.zeros(SIZE)}, ConfigError, "points nowhere"),
        ({"vector": np.full(SIZE, np.inf)}, ConfigError, "finite"),
        ({"columns": "embeding"}, VectorError, "did you mean 'embedding'"),
        ({"columns": "name"}, ConfigError, "hold no vectors"),
        ({"metric": "cosin"}, ConfigError, "did you mean 'cosine'"),
        ({"table": "t.csv"}, VectorError, "not Parquet"),
        ({"table": "none.parquet"}, VectorError, "none.parquet"),
        ({"table": pd.DataFrame({"a": [1.0]})}, VectorError, "nothing tells which columns"),
    ],
    ids=[
        "k", "length", "zero", "infinite", "misspelled", "text", "metric", "csv", "missing", "columns",
    ],
)  # fmt: skip
def test_what_cannot_be(table, change, error, message):
    given = {"table": table, "vector": np.ones(SIZE), "k": 3, **change}
    with pytest.raises(error, match=message):
        nearest_patches(**given)
