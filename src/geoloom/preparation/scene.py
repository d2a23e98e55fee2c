"""A scene made ready: files joined, cropped, without clouds, with indices and normalised, as one raster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.errors import BandError
from ..core.files import may_replace, scratch_folder
from ..core.progress import Progress
from ..io.access.finding import expanded
from ..io.headers.header import Header
from ..io.vector.areas import RoiSource
from ..transforms.clouds import QualityBand
from ..transforms.indices import get_index
from ..transforms.normalize import Normalization
from ..transforms.speckle import make_speckle_filter
from .backscatter import convert_power, filter_speckle
from .band_stack import BandStack
from .cloud_removal import remove_clouds
from .crop import crop_to_extent, crop_to_polygons
from .join import join_bands, join_dates, join_mosaic
from .operations import AddIndex
from .options import CropTo, Join, NodataRule, PrepareOptions
from .renamed_bands import renamed
from .resample import resample
from .stack_normalization import normalization_path

_JOINED = {"mosaic": join_mosaic, "bands": join_bands, "dates": join_dates}


@dataclass(frozen=True, slots=True)
class PreparedScene:
    """What `prepare` has written."""

    path: Path
    bands: tuple[str, ...]
    """Names, indices last."""
    dtype: str
    """Of the values, such as `float32`."""
    observed: float
    """Share of the pixels that are observed, 0..1."""


def prepare(
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    join: Join | None = None,
    roi: RoiSource | None = None,
    crop_to: CropTo = "extent",
    cloud_mask: str | Path | None = None,
    cloud_band: int | str | None = None,
    sensor: QualityBand = "landsat_c2",
    cloud_values: int | Sequence[int] = (),
    speckle: str | None = None,
    resolution: float | None = None,
    to_unit: str | None = None,
    name: Mapping[int | str, str] | None = None,
    unit: str | Sequence[str] | None = None,
    index: str | Sequence[str] = (),
    band: Mapping[str, int | str] | None = None,
    factor: float | None = None,
    drop: int | str | Sequence[int | str] = (),
    normalize: str | None = None,
    normalization: Normalization | str | Path | None = None,
    nodata: float | None = None,
    nodata_rule: NodataRule = "any",
    assume_crs: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PreparedScene:
    """Make one raster of one or several files: joined, cropped, without clouds, with indices, normalised.

    Guarantee: the same bytes as `geoloom prepare` writes with the same options. Memory does not grow with
    the scene. Nothing is resampled but files that are joined and lie on other lattices than the first, once,
    and what is asked for by `resolution`, once more. The raster appears under its name only when it is whole.

    Done in the order of the arguments. Values stay of the scene's type, until an index or a normalisation
    makes them float32.

    Args:
        images: A scene; or several files, with `join`: in the order of a list, or of a pattern such as
            `B*.tif` by the numbers in their names.
        out: The raster to write, a cloud-optimised GeoTIFF.
        join: How several files become one, on the lattice of the first: `mosaic`, as large as all of them;
            `bands`, those of all files; or `dates`, of equally many bands each.
        roi: Area of interest to crop to: a vector layer, in any CRS, or another form of `core.roi.RoiLike`.
        crop_to: `extent` crops to the area's rectangle; `polygons` leaves nothing outside its polygons too.
        cloud_mask: File whose first band is a quality band: where it says that the ground is hidden, the
            scene becomes unobserved.
        cloud_band: The quality band where it is inside the scene, by number (from 1) or name; it is left out.
        sensor: Of the quality band: `landsat_c2` (QA_PIXEL of Collection 2) or `sentinel2_scl`.
        cloud_values: Values of the quality band where the ground is hidden, instead of the `sensor`'s rule:
            2, 3 and 4 of Fmask, or those of any mask.
        speckle: Filter of radar speckle, such as `lee` or `lee:size=7,looks=4.4`, of bands in `linear` or
            `dB`; see `geoloom.transforms.lee`.
        resolution: Side of the new pixels, in units of the scene's CRS: metres, feet or degrees. Larger
            pixels are averages of all that they cover (antialiased), of observed pixels alone; codes of named
            classes take the nearest.
        to_unit: `dB` or `linear`: the unit that backscatter is brought to; powers of 0 and below have no
            decibels and become unobserved.
        name: New names of bands, by number (from 1) or old name: `{"B1": "blue"}`. Indices, `band`, `drop`
            and `unit` go by the new ones, and so do all later steps.
        unit: What the bands measure, one for all or one each, such as `surface_reflectance`; tagged in the
            raster, so that no later step has to be given it. With `speckle` or `to_unit`, what the scene
            measures before these.
        index: Spectral indices to append, by name; see `geoloom.transforms.indices`. They are computed from
            the scene's own bands.
        band: Which band is which, for indices: by number (from 1) or name, as in `{"red": 3, "nir": "B8"}`.
            Bands of the scene that are called so need not be given.
        factor: What reflectance 1 is stored as, such as 10000: indices of reflectance (`evi`, `savi`,
            tasselled caps) refuse whole numbers without it. Not for scenes that declare scale and offset,
            which are applied.
        drop: Bands to leave out, by number (from 1) or name.
        normalize: Fit a normalisation on the scene: `mean_std`, `median_std`, `norm_range`, `reduce_sr`,
            `per_image` or a registered one. Its rule goes to `<out>.normalization.json` as well.
        normalization: Apply that of another scene, or of the JSON file written beside it.
        nodata: Stored value that means unobserved.
        nodata_rule: Whether a pixel is unobserved where `any` of its bands holds nodata, or where `all` do:
            for images whose darkest measured value is their nodata value too.
        assume_crs: Instead of the scene's missing or wrong one.
        overwrite: Replace the raster and its rule.
        progress: Called with (blocks done, blocks in all) while the result is written.

    Returns:
        Path, band names and type of the raster, and how much of it is observed.

    Raises:
        ConfigError: options do not go together, or an index or normalisation is unknown.
        BandError: a band is missing.
        GridError: files, layer or quality band lie elsewhere.
        ReadError: a file cannot be read.
        WriteError: a product exists and `overwrite` is not set, or is an input.

    Example:
        >>> prepare("scene.tif", "out.tif", index="ndvi", band={"red": 3, "nir": 4})  # doctest: +SKIP
        PreparedScene(path=PosixPath('out.tif'), bands=('1', '2', '3', '4', 'ndvi'), ...)
    """
    files = expanded([images] if isinstance(images, str | Path) else list(images))
    options = PrepareOptions(
        scenes=len(files),
        join=join,
        roi=roi,
        crop_to=crop_to,
        cloud_mask=cloud_mask,
        cloud_band=cloud_band,
        sensor=sensor,
        cloud_values=(cloud_values,) if isinstance(cloud_values, int) else tuple(cloud_values),
        speckle=speckle,
        resolution=resolution,
        to_unit=to_unit,
        name=name,
        unit=unit if unit is None or isinstance(unit, str) else tuple(unit),
        index=(index,) if isinstance(index, str) else tuple(dict.fromkeys(index)),
        band=band,
        factor=factor,
        drop=(drop,) if isinstance(drop, str | int) else tuple(drop),
        normalize=normalize,
        normalization=normalization,
        nodata=nodata,
        nodata_rule=nodata_rule,
        assume_crs=assume_crs,
    )
    options.check()
    target = Path(out)
    with scratch_folder(target) as folder:
        _check_products(target, files, options, overwrite=overwrite)
        stack = _planned(_one_file(files, options, folder), options)
        observed = stack.save(target, overwrite=overwrite, progress=progress)
    return PreparedScene(target, stack.bands, str(stack.dtype), observed)


def _check_products(
    out: Path, files: Sequence[str | Path], options: PrepareOptions, *, overwrite: bool
) -> None:
    """Refuse products that exist or are inputs, before any work."""
    others = (options.roi, options.cloud_mask, options.normalization)
    inputs = [*files, *(given for given in others if isinstance(given, str | Path))]
    for product in (out, normalization_path(out)) if options.normalizes else (out,):
        may_replace(product, overwrite=overwrite, inputs=inputs)


def _one_file(files: Sequence[str | Path], options: PrepareOptions, folder: Path) -> str | Path:
    """The scenes as one file, cropped and without clouds."""
    source, nodata = files[0], options.nodata
    if options.join is not None:
        source = _JOINED[options.join](files, folder / "joined.tif", nodata=nodata)
    if options.roi is not None:
        target = folder / "cropped.tif"
        if options.crop_to == "extent":
            source = crop_to_extent(source, options.roi, target)
        else:
            source = crop_to_polygons(source, options.roi, target, nodata=nodata)
    if options.without_clouds:
        source = remove_clouds(
            source,
            options.cloud_mask or source,
            folder / "clear.tif",
            band=1 if options.cloud_band is None else options.cloud_band,
            sensor=options.sensor,
            values=options.cloud_values,
            nodata=nodata,
            crs=options.assume_crs,
        )
    if options.speckle is not None:
        source = filter_speckle(
            source,
            make_speckle_filter(options.speckle),
            folder / "filtered.tif",
            unit=options.unit,
            nodata=nodata,
            crs=options.assume_crs,
        )
        nodata = None  # from here on NaN: 0 dB is no 0 of the scene
    if options.resolution is not None:
        source = resample(
            source,
            options.resolution,
            folder / "resampled.tif",
            nodata=nodata,
            crs=options.assume_crs,
        )
    if options.to_unit is not None:
        source = convert_power(
            source,
            options.to_unit,
            folder / "converted.tif",
            unit=None if options.speckle else options.unit,
            nodata=nodata,
            crs=options.assume_crs,
        )
    return source


def _planned(source: str | Path, options: PrepareOptions) -> BandStack:
    """The bands of the file as they are to be."""
    nodata = None if options.of_radar else options.nodata  # tagged by then
    stack = BandStack.open(
        source, nodata=nodata, crs=options.assume_crs, nodata_rule=options.nodata_rule
    )
    unit = None if options.of_radar else options.unit  # said already, before it was changed
    if options.name or unit:
        stack = replace(stack, header=renamed(stack.header, options.name or {}, unit))
    header = stack.header
    for name in options.index:
        positions = _positions(name, options.band or {}, header)
        stack = stack.with_index(
            AddIndex.of(name, positions, header.scaling, factor=options.factor)
        )
    if options.drop:
        stack = stack.without([header.data_bands.index(n) for n in header.find(options.drop)])
    if options.normalization is not None:
        return stack.normalized_as(options.normalization)
    return stack if options.normalize is None else stack.normalized(options.normalize)


def _positions(index: str, roles: Mapping[str, int | str], header: Header) -> dict[str, int]:
    """Where the bands of an index are among the scene's, 0-based.

    Raises:
        BandError: a band that an index needs is not given and not found, or not in the scene.
    """
    own = {name.lower(): name for name in header.band_names}
    positions: dict[str, int] = {}
    for role in get_index(index).bands:
        band = roles.get(role, own.get(role))
        if band is None:
            raise BandError(
                f"index {index} needs the {role} band, and none of {header.uri} is called so "
                f"({', '.join(header.band_names)}); say which it is: --band {role}=NUMBER "
                f"(band={{{role!r}: NUMBER}})"
            )
        positions[role] = header.data_bands.index(header.find([band])[0])
    return positions
