"""Tables of samples: what they may say, and what is refused."""

from __future__ import annotations

import pytest

from geoloom.core.errors import DatasetError
from geoloom.datasets.benchmarks.tables import TableLayout

LABELS = TableLayout(
    {"train": ("train.txt",)}, "{file}", header=("file", "class"), separator=" ", answer="class",
    key="label", labels=2,
)  # fmt: skip
HEIGHTS = TableLayout({"train": ("a.csv", "b.csv")}, "{id}.png", answer="height", key="value")


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a.png 1\nb.png\n",
            r"train\.txt has row 2 of another length, expected 2 entries in each \(file",
        ),
        ("a.png 1 x\n", "row 1 of another length"),
        ("", "has no row"),
        ("a.png 1\na.png 0\n", "names a sample twice"),
        ("a.png 1\nb.png two\n", "'class' in the tables in .* is no number throughout"),
        ("a.png 1\nb.png 0.5\n", "is no number throughout"),
        ("a.png 1\nb.png 2\n", "is 2, expected 0 to 1"),
        (
            "a.png 1\nc.png 1\n",
            r"1 of 2 pictures that the tables name are not in .*, such as c\.png",
        ),
    ],
)
def test_lists_that_are_refused(folder, text, message):
    (folder / "train.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        LABELS.find(folder, "train")


def test_a_list_that_is_missing(folder):
    with pytest.raises(DatasetError, match=r"train\.txt cannot be read as a table"):
        LABELS.find(folder, None)


def test_two_tables_are_joined_by_their_first_column(folder):
    (folder / "a.csv").write_text("id,place\nb,x\na,y\n", encoding="utf-8")
    (folder / "b.csv").write_text("id,height\na,1.5\nb,nan\n", encoding="utf-8")
    listing = HEIGHTS.find(folder, None)
    assert listing.columns["file"].tolist() == ["b.png", "a.png"]
    assert str(listing.answers["value"].tolist()) == "[[nan], [1.5]]"
    (folder / "b.csv").write_text("id,height\na,1.5\n", encoding="utf-8")
    with pytest.raises(
        DatasetError, match=r"a\.csv and b\.csv in .* differ in their samples: 1 .* as b;"
    ):
        HEIGHTS.find(folder, None)
    (folder / "b.csv").write_text("id,width\na,1.5\nb,2\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="have no column height, only split, id, place, width"):
        HEIGHTS.find(folder, None)
