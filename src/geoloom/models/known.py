"""geoloom's own networks: what each takes and gives, readable without building or importing one."""

from __future__ import annotations

from .specs import Imported, ModelSpec

_HOME = __name__.removesuffix("known") + "networks"


def _own(where: str) -> Imported:
    """A class of `networks`, as `module:Name`."""
    return Imported(f"{_HOME}.{where}")


_LONG = "Long et al. 2015, arXiv 1411.4038"
_DAUDT = "Caye Daudt et al. 2018, arXiv 1810.08462"
_MARETTO = "Maretto et al. 2021, IEEE GRSL 18(5)"

NETWORKS: dict[str, ModelSpec] = {
    "autoencoder": ModelSpec(
        _own("autoencoder:Autoencoder"),
        "convolutional autoencoder: images without labels, pan-sharpening",
        gives=("pixels", "features"),
        encode=_own("autoencoder:ImageCode"),
        source="Masci et al. 2011 (ICANN); Azarang et al. 2019 (IEEE Access 7)",
    ),
    "changestar": ModelSpec(
        _own("changestar:ChangeStar"),
        "ChangeStar: ChangeMixin on the dense features of any network",
        takes="BTCHW",
        dates=2,
        source="Zheng et al. 2021, arXiv 2108.07002",
    ),
    "convlstm": ModelSpec(
        _own("convlstm:ConvLSTM"),
        "ConvLSTM: a memory per pixel and its surroundings",
        takes="BTCHW",
        dates="any",
        inputs=("image", "valid_series"),
        source="Shi et al. 2015, arXiv 1506.04214",
    ),
    "farseg": ModelSpec(
        _own("farseg:FarSeg"),
        "FarSeg: feature pyramid weighed by the scene, for rare objects",
        source="Zheng et al. 2020, arXiv 2011.09766",
    ),
    "fc_ef": ModelSpec(
        _own("fc_ef:FcEf"),
        "FC-EF: change between two dates, stacked",
        takes="BTCHW",
        dates=2,
        source=_DAUDT,
    ),
    "fc_siam_conc": ModelSpec(
        _own("fc_siam_conc:FcSiamConc"),
        "FC-Siam-conc: change between two dates, features side by side",
        takes="BTCHW",
        dates=2,
        source=_DAUDT,
    ),
    "fc_siam_diff": ModelSpec(
        _own("fc_siam_diff:FcSiamDiff"),
        "FC-Siam-diff: change between two dates, difference of features",
        takes="BTCHW",
        dates=2,
        source=_DAUDT,
    ),
    "fcn8s": ModelSpec(
        _own("fcn:FCN8s"), "FCN-8s on VGG-16: the finest of the three", source=_LONG
    ),
    "fcn8s_aux": ModelSpec(
        _own("fcn8s_late:Fcn8sAux"),
        "FCN-8s, an encoder per date, and auxiliary masks",
        takes="BTCHW",
        dates="any",
        inputs=("image", "aux"),
        source=_MARETTO,
    ),
    "fcn8s_early": ModelSpec(
        _own("fcn8s_early:Fcn8sEarly"),
        "FCN-8s over several dates, fused before the first layer",
        takes="BTCHW",
        dates="any",
        source=_MARETTO,
    ),
    "fcn8s_late": ModelSpec(
        _own("fcn8s_late:Fcn8sLate"),
        "FCN-8s, an encoder per date, fused pool by pool",
        takes="BTCHW",
        dates="any",
        source=_MARETTO,
    ),
    "fcn16s": ModelSpec(_own("fcn:FCN16s"), "FCN-16s on VGG-16", source=_LONG),
    "fcn32s": ModelSpec(
        _own("fcn:FCN32s"), "FCN-32s on VGG-16: the coarsest of the three", source=_LONG
    ),
    "ltae": ModelSpec(
        _own("ltae:LTAE"),
        "L-TAE: attention over the dates of a pixel",
        takes="BTC",
        dates="any",
        inputs=("image", "times", "valid_series"),
        source="Garnot and Landrieu 2020, arXiv 2007.00586",
    ),
    "rcf": ModelSpec(
        _own("rcf:RandomFeaturesModel"),
        "random convolutional features (MOSAIKS); a linear layer on them",
        gives=("image", "features"),
        encode=_own("rcf:RandomFeatures"),
        source="Rolf et al. 2021, Nature Communications 12:4392",
    ),
    "tempcnn": ModelSpec(
        _own("tempcnn:TempCNN"),
        "TempCNN: convolutions along the dates of a pixel",
        takes="BTC",
        dates="any",
        source="Pelletier et al. 2019, arXiv 1811.10166",
    ),
    "unet": ModelSpec(
        _own("unet:UNet"),
        "U-Net: quick, and the first choice for maps",
        source="Ronneberger et al. 2015, arXiv 1505.04597",
    ),
    "unet_aux": ModelSpec(
        _own("unet_late:UNetAux"),
        "U-Net, an encoder per date, and auxiliary masks",
        takes="BTCHW",
        dates="any",
        inputs=("image", "aux"),
        source=_MARETTO,
    ),
    "unet_early": ModelSpec(
        _own("unet_early:UNetEarly"),
        "U-Net over several dates, fused before the first layer",
        takes="BTCHW",
        dates="any",
        source=_MARETTO,
    ),
    "unet_late": ModelSpec(
        _own("unet_late:UNetLate"),
        "U-Net, an encoder per date, fused level by level",
        takes="BTCHW",
        dates="any",
        source=_MARETTO,
    ),
    "utae": ModelSpec(
        _own("utae:UTAE"),
        "U-TAE: U-Net over a series, its dates weighed by attention",
        takes="BTCHW",
        dates="any",
        inputs=("image", "times", "valid_series"),
        source="Garnot and Landrieu 2021, arXiv 2107.07933",
    ),
}
"""By name."""
