"""Published ImageNet top-1 figures of networks that are traced from timm, with family and recipe.

Weights that saw other images than ImageNet-1k are left out, and so are networks above `MOST_PARAMS`
parameters. A figure counts at the resolution that the weights were trained for. Close relatives
are one family, since a family is left out of a fit as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from files import read_rows

MOST_PARAMS = 40e6
OTHER_IMAGES = re.compile(
    "in21k|in22k|in12k|jft|ig1b|yfcc|laion|clip|openai|seer|swag|m38m|m30m|webli|ssld|wsl|indomain"
)
#: distilled from teachers that saw other images, attacked, pruned, or made to test timm itself
LEFT_OUT = re.compile(r"flexivit|naflexvit|test_|.*ssld|.*goog_distilled|.*adv_|.*_pruned|.*\.sam_")
#: start of timm's module or of a model's name -> family; the first match counts
FAMILIES = (
    ("efficientnetv2|tf_efficientnetv2|gc_efficientnetv2", "efficientnetv2"),
    ("(tf_)?efficientnet|tinynet|mobilenet_edgetpu", "efficientnet"),
    ("mnasnet|semnasnet|spnasnet|fbnetc", "mnasnet"),
    ("mobilenetv1", "mobilenetv1"),
    ("mobilenetv2", "mobilenetv2"),
    ("fbnetv3", "fbnetv3"),
    ("mobilenetv4", "mobilenetv4"),
    ("(tf_)?mobilenetv3", "mobilenetv3"),
    ("mobilevit", "mobilevit"),
    ("mobileone", "mobileone"),
    ("repvgg", "repvgg"),
    ("regnetz|regnet|nf_regnet", "regnet"),
    ("halo|lambda|bot|sebot|ecabot|eca_bot|eca_halo|bat_|lamhalo|sehalo", "hybrid-resnet"),
    (
        "(legacy_se|se|eca_?|gc|sk|wide_|nf_|ecaresnet)?resne(x?t|xt|st)|seresnextaa|cspres"
        "|res2ne|tresnet|legacy_seres|resnest|resnetv2|resnetrs|dm_nfnet|nfnet|darknet|selecsls",
        "resnet",
    ),
    ("hrnet", "hrnet"),
    ("densenet", "densenet"),
    ("inception_next", "inception-next"),
    ("inception|xception|legacy_xception|nasnet|pnasnet", "inception"),
    ("deit|vit_|cait|convit|tnt|beit|pit", "vit"),
    ("coatnet|coatnext|maxvit|maxxvit", "maxvit"),
    ("swin", "swin"),
    ("poolformer|caformer|convformer", "metaformer"),
    ("convnext", "convnext"),
    ("efficientformer", "efficientformer"),
    ("gmlp|gmixer|resmlp|convmixer|mixer", "mlp"),
)
#: recipe of a model and tag, `MODEL.TAG`; the first match counts
RECIPES = (
    ("volo", "distilled"),  # token labels come from a teacher
    (r".*(dist|usi)", "distilled"),
    (r".*dist_450e", "distilled-450"),
    (r".*(fcmae|mae_|beitv2)", "self-supervised"),
    (r".*ra4_e3600|.*\.e3000|.*\.e2400|.*\.e1200|.*\.e3600", "long"),
    (r".*\.(tv2|a1|a1h)_", "600-epochs"),
    (r".*\.(a3|c3)_", "100-epochs"),
    (r".*\.pycls", "pycls-100"),
    (r".*\.ap_", "adversarial"),
    (r".*\.aa_", "auto-augment"),
    (r"resnext101_64x4d\.tv_", "supervised"),
    (r".*\.(gluon|bt|rvgg|mx|tv)_", "90-epochs"),
    (r"hrnet.*\.ms_|(legacy_|res2ne|selecsls)[^.]*\.in1k", "90-epochs"),
    (r".*\.tf_|tf_efficientnet_(b|e|cc)[^.]*\.in1k|tf_mobilenet[^.]*\.in1k", "classic"),
)


@dataclass(frozen=True, slots=True)
class TracedFigure:
    """One published top-1 of a timm model, in percentage points."""

    model: str
    """Without its tag."""
    side: int
    family: str
    recipe: str
    top1: float
    place: str
    """Name in timm's results."""

    @property
    def name(self) -> str:
        return f"timm:{self.model}@{self.side}"


def read_traced(data: Path) -> Iterator[TracedFigure]:
    """Read the usable figures of `timm_results_imagenet.csv`."""
    import timm

    for row in read_rows(data / "timm_results_imagenet.csv"):
        place = row["model"]
        model, _, tag = place.partition(".")
        known = timm.is_model(model) and not OTHER_IMAGES.search(tag) and not LEFT_OUT.match(place)
        if not known or float(row["param_count"].replace(",", "")) * 1e6 > MOST_PARAMS:
            continue
        own: Any = timm.get_pretrained_cfg(place)
        if own is not None and int(row["img_size"]) == own.input_size[-1]:
            top1, side = float(row["top1"]), int(row["img_size"])
            yield TracedFigure(model, side, family_of(model), recipe_of(place), top1, place)


def family_of(model: str) -> str:
    """Family of a timm model: of `FAMILIES`, or the module that defines it."""
    from timm.models import _registry

    named = (family for start, family in FAMILIES if re.match(start, model))
    return next(named, str(_registry._model_to_module[model]))


def recipe_of(place: str) -> str:
    """Recipe of a model and tag."""
    found = (recipe for pattern, recipe in RECIPES if re.match(pattern, place))
    return next(found, "supervised")
