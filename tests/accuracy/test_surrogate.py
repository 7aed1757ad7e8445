"""The shipped surrogate: repeatable, near published figures, bounded, unsure far from them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from nas import load_arch, load_surrogate
from nas.accuracy import FEATURES, AccuracyEstimate, Surrogate, features
from nas.blocks.conv import Conv, Linear, Pool
from nas.blocks.mobilenet import MV2
from nas.files.resources import named
from nas.library import published
from nas.modules.networks import load_network
from nas.space.arch import Arch

SEEDS = (
    "efficientnet-b0",
    "efficientnetv2-s",
    "mobilenetv2",
    "mobilenetv3-large",
    "mobilenetv3-small",
    "mobilevit-s",
    "mobilevit-xs",
    "mobilevit-xxs",
    "repvit-m0.9",
    "repvit-m1.0",
    "repvit-m1.1",
)
"""Of families in the fit."""


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return load_surrogate("imagenet")


def table(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    archs = [load_arch(name) for name in names]
    x = np.array([features(arch.graph) for arch in archs], float)
    return x, np.array([float(arch.input[1]) for arch in archs])


def mobilenetv2(width: float = 1.0, depth: int = 1, side: int = 224) -> Arch:
    """MobileNetV2 at a width, every block but a stage's first repeated `depth` times."""
    seed = load_arch("mobilenetv2")
    rows = []
    for row in seed.rows:
        if isinstance(row, MV2):
            out, exp = int(row.out * width), int(row.exp * width)
            row = replace(row, out=out, exp=exp)
        elif row.op == "conv":
            row = replace(row, out=int(row.out * width))
        kept = isinstance(row, MV2) and row.s == 1 and rows and row == rows[-1]
        rows += [row] * (depth if kept else 1)
    return Arch("scaled", "test", (3, side, side), tuple(rows))


def test_two_loads_predict_the_same_to_the_last_digit() -> None:
    first, second = load_surrogate("imagenet"), load_surrogate("imagenet")
    arch = load_arch("mobilevit-s")
    assert first.predict(arch) == second.predict(arch)
    assert first.content_hash == second.content_hash


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_are_estimated_near_what_was_published(surrogate: Surrogate, name: str) -> None:
    arch = load_arch(name)
    guess = surrogate.predict(arch)
    assert 60 < guess.top1 < 85
    assert 0.1 < guess.sd < 2
    figures = [f.top1 for f in published(arch) if f.recipe in ("supervised", "classic")]
    for figure in figures:
        assert abs(guess.top1 - figure) < 2.5 * guess.sd


def test_rows_are_judged_alike_alone_and_together(surrogate: Surrogate) -> None:
    x, resolution = table(SEEDS)
    mean, sd = surrogate.predict_features(np.tile(x, (500, 1)), np.tile(resolution, 500))
    for i, name in enumerate(SEEDS):
        guess = surrogate.predict(load_arch(name))
        assert mean[i] == pytest.approx(guess.top1, rel=1e-9)
        assert mean[-len(SEEDS) + i] == pytest.approx(guess.top1, rel=1e-9)
        assert sd[i] == pytest.approx(guess.sd, rel=1e-6)


FITTED = (
    "efficientnet",
    "exmobilevit",
    "mnasnet",
    "mobilenetv2",
    "mobilenetv3",
    "mobilevit",
    "repvit",
)


@pytest.mark.parametrize(
    "name", [name for name in named("architecture") if not name.startswith(FITTED)]
)
def test_networks_unlike_mobile_ones_are_doubted(surrogate: Surrogate, name: str) -> None:
    guess = surrogate.predict(load_arch(name))
    assert guess.top1 < 86
    assert guess.sd > 0.4


def test_no_network_is_judged_without_rows(surrogate: Surrogate) -> None:
    mean, sd = surrogate.predict_features(np.empty((0, len(FEATURES))), np.empty(0))
    assert mean.shape == sd.shape == (0,)


def test_a_code_that_cannot_be_built_stays_nan(surrogate: Surrogate) -> None:
    x, resolution = table(SEEDS[:2])
    x[0] = np.nan
    mean, sd = surrogate.predict_features(x, resolution)
    assert np.isnan(mean).tolist() == np.isnan(sd).tolist() == [True, False]


@pytest.mark.parametrize("field", ["width", "depth", "side"])
def test_more_of_the_same_never_hurts_and_never_promises_much(
    surrogate: Surrogate, field: str
) -> None:
    steps = {"width": (0.5, 1, 2, 4, 8), "depth": (1, 2, 4, 8, 16), "side": (96, 192, 384, 768)}
    top1 = [surrogate.predict(mobilenetv2(**{field: step})).top1 for step in steps[field]]
    gains = np.diff(top1)
    assert (gains > 0).all()
    assert gains[-1] < 3.5, "one more doubling, far from every published network"
    assert max(top1) < 86


def test_no_sum_of_features_is_promised_more_than_the_best_published(
    surrogate: Surrogate,
) -> None:
    rng = np.random.default_rng(0)
    x, resolution = table(SEEDS)
    # up to 1000 times anything, alone and mixed
    factors = 10 ** rng.uniform(-3, 3, (2000, len(FEATURES)))
    wild = x[rng.integers(len(x), size=2000)] * factors
    mean, sd = surrogate.predict_features(wild, rng.choice(resolution, 2000))
    assert (mean >= 0).all()
    assert (mean <= surrogate.ceiling).all()
    assert (mean - sd).max() < 86


def test_doubt_grows_away_from_published_networks(surrogate: Surrogate) -> None:
    guesses = [surrogate.predict(mobilenetv2(depth=depth)) for depth in (1, 2, 4, 8)]
    shares = [guess.sd / (surrogate.ceiling - guess.top1) for guess in guesses]
    assert shares == sorted(shares)
    assert shares[-1] > 1.3 * shares[0]


def test_a_network_unlike_any_published_is_doubted(surrogate: Surrogate) -> None:
    plain = [Conv(out=32 * 2**i, k=7, act="relu", s=2) for i in range(5)]
    arch = Arch("plain", "test", (3, 224, 224), (*plain, Pool(), Linear(out=1000)))
    most = max(surrogate.predict(load_arch(name)).sd for name in SEEDS)
    assert surrogate.predict(arch).sd > 1.5 * most


def test_held_out_figures_meet_what_is_promised(surrogate: Surrogate) -> None:
    held_out = surrogate.provenance["held_out"]
    for space in ("accel", "ofa"):
        assert held_out[space]["tau"] >= 0.90
        assert held_out[space]["tau"] > max(held_out[space][f"tau_{k}"] for k in ("params", "macs"))
    assert held_out["published"]["mae"] <= 1.3
    assert held_out["published"]["tau"] >= 0.75
    assert 0.64 <= held_out["published"]["within_1_sd"] <= 0.75
    assert 0.93 <= held_out["published"]["within_2_sd"] <= 0.97
    assert held_out["published"]["mae"] < held_out["published"]["mae_size_model"]


def test_a_teacher_adds_to_every_estimate(surrogate: Surrogate) -> None:
    for top1 in (60.0, 75.0, 82.0):
        plain = AccuracyEstimate(top1, 1.0)
        taught = surrogate.distilled(plain)
        assert 0.5 < taught.top1 - plain.top1 < 4
        assert 0.5 < taught.sd < 1.5
    bound = surrogate.distilled(AccuracyEstimate(0.0, 45.0))
    assert 0 <= bound.top1 <= surrogate.ceiling
    assert bound.sd <= surrogate.ceiling / 2


@pytest.mark.parametrize(
    ("name", "published"), [("transnext-micro", 82.5), ("mobileone-s0", 71.4), ("swin-t", 81.2)]
)
def test_tables_of_every_kind_are_estimated(
    surrogate: Surrogate, name: str, published: float
) -> None:
    guess = surrogate.predict(load_arch(name))
    assert guess.sd < 3
    assert abs(guess.top1 - published) < 2 * guess.sd


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("densenet121", 75.6),
        ("coat_lite_tiny", 77.5),
        ("poolformer_s12", 77.2),
        ("xcit_nano_12_p16_224", 70.0),
        ("caformer_s18", 83.7),
        ("mobileone_s0", 71.4),
    ],
)
def test_traced_networks_are_estimated(surrogate: Surrogate, name: str, published: float) -> None:
    pytest.importorskip("timm")
    guess = surrogate.predict(load_network(f"timm:{name}"))
    assert guess.sd < 3
    assert abs(guess.top1 - published) < 2 * guess.sd


def test_predicting_does_not_import_torch() -> None:
    code = (
        "import sys, nas; nas.load_surrogate('imagenet').predict(nas.load_arch('repvit-m0.9'));"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_in_a_notebook_it_says_how_well_it_ranks(surrogate: Surrogate) -> None:
    assert f"{surrogate.provenance['held_out']['ofa']['tau']:.2f}" in surrogate._repr_html_()
    assert len(repr(surrogate)) < 80
    assert repr(AccuracyEstimate(75.26, 0.41)) == "<AccuracyEstimate 75.3 ± 0.4 % ImageNet top-1>"
