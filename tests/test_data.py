"""Every shipped table opens, and what it claims is recomputed."""

from __future__ import annotations

from pathlib import Path

from nas.arch import Arch, read_arch
from nas.cost import params

ARCHS = Path(__file__).parents[1] / "search_spaces" / "archs"
SEEDS = {
    *("mobilenetv2", "mobilenetv3-large", "mobilenetv3-small", "efficientnet-b0"),
    *("efficientnetv2-s", "mobilevit-xxs", "mobilevit-xs", "mobilevit-s"),
    *("repvit-m0.9", "repvit-m1.0", "repvit-m1.1"),
}


def test_every_promised_seed_is_shipped() -> None:
    assert {path.stem for path in ARCHS.glob("*.yaml")} >= SEEDS


def test_seed_is_named_after_its_file_and_cites_a_paper(seed: Arch) -> None:
    assert (ARCHS / f"{seed.name}.yaml").is_file()
    assert seed.source.startswith("arXiv:")


def test_expected_figures_of_a_seed_are_recomputed(seed: Arch) -> None:
    computed = {"params": seed.params, "macs": seed.macs, "fused_params": params(seed.fused)}
    assert {"params", "macs"} <= set(seed.expect) <= set(computed)
    assert dict(seed.expect) == {name: computed[name] for name in seed.expect}


def test_seed_survives_its_own_yaml(seed: Arch) -> None:
    again = Arch.from_yaml(seed.to_yaml())
    assert again == seed
    assert again.arch_id == seed.arch_id


def test_arch_ids_of_the_seeds_are_distinct() -> None:
    archs = [read_arch(path) for path in ARCHS.glob("*.yaml")]
    assert len({arch.arch_id for arch in archs}) == len(archs)
