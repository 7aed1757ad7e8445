"""Every shipped table opens, and what it claims is recomputed."""

from __future__ import annotations

from collections.abc import Iterable

from nas import library
from nas.files.resources import VARIANTS, named
from nas.graph.cost import params
from nas.space.arch import Arch

from .conftest import FAMILIES, TABLES

SEEDS = {
    *("mobilenetv1", "mobilenetv1-0.5", "mobilenetv1@192", "mobilenetv2", "mobilenetv2-1.4"),
    *("mobilenetv3-large", "mobilenetv3-large-0.75", "mobilenetv3-small"),
    *(f"efficientnet-b{i}" for i in range(8)),
    *(f"efficientnet-lite{i}" for i in range(5)),
    *(f"efficientnetv2-{size}" for size in ("s", "m", "l", "xl")),
    *(f"mobilevit-{size}" for size in ("xxs", "xs", "s")),
    *(f"repvit-m{size}" for size in ("0.6", "0.9", "1.0", "1.1", "1.5", "2.3")),
    *(f"convnext-{size}" for size in (*"tsbl", "atto", "femto", "pico", "nano")),
    *(f"tinynet-{size}" for size in "abcde"),
    *(f"hardcorenas-{size}" for size in "abcdef"),
    *(f"fbnetv3-{size}" for size in "bdg"),
    *(f"lcnet-{width}" for width in (0.25, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5)),
    *(f"ghostnet-{width}" for width in (0.5, 1.0, 1.3)),
    *(f"ghostnetv2-{width}" for width in (1.0, 1.3, 1.6)),
    *(f"ghostnetv3-{width}" for width in (0.5, 1.0, 1.3, 1.6)),
    *(f"mixnet-{size}" for size in "sml"),
    *(f"rexnet-{width}" for width in (1.0, 1.3, 1.5, 2.0)),
    *(f"repghost-{width}" for width in (0.5, 0.58, 0.8, 1.0, 1.11, 1.3, 1.5, 2.0)),
    *(f"mobilenetv4-{size}" for size in ("conv-s", "conv-m", "conv-l", "hybrid-m", "hybrid-l")),
    *(f"mobileone-s{i}" for i in range(5)),
    *(f"fasternet-t{i}" for i in range(3)),
    *(f"swiftformer-{size}" for size in ("xs", "s", "l1", "l3")),
    *(f"iformer-{size}" for size in "tsml"),
    *(f"shvit-s{i}" for i in range(1, 5)),
    *(f"starnet-s{size}" for size in ("1", "2", "3", "4", "050", "100", "150")),
    *(f"fastvit-{size}" for size in ("t8", "t12", "s12", "sa12", "sa24", "sa36", "ma36")),
    *(f"mobilevitv2-{width}" for width in ("0.5", "0.75", "1.0", "1.25", "1.5", "1.75", "2.0")),
    *(f"efficientvit-b{i}" for i in range(4)),
    *(f"edgenext-{size}" for size in ("xxs", "xs", "s")),
    *(f"efficientformerv2-{size}" for size in ("s0", "s1", "s2", "l")),
    *("resnet50", "mnasnet"),
}


def test_every_promised_seed_is_shipped() -> None:
    assert {*named("architecture")} >= SEEDS
    assert len(named("architecture")) >= 60


def test_seed_is_named_after_its_file_or_in_the_variants_and_cites_a_paper(network: Arch) -> None:
    assert named("architecture")[network.name].name in (f"{network.name}.yaml", VARIANTS)
    assert network.source.startswith("arXiv:")


def test_expected_figures_of_a_seed_are_recomputed(network: Arch) -> None:
    computed = {
        "params": network.params,
        "macs": network.macs,
        "fused_params": params(network.fused),
    }
    assert {"params", "macs"} <= set(network.expect) <= set(computed)
    assert dict(network.expect) == {name: computed[name] for name in network.expect}


def test_seed_survives_its_own_yaml(seed: Arch) -> None:
    again = Arch.from_yaml(seed.to_yaml())
    assert again == seed
    assert again.arch_id == seed.arch_id


def test_the_representatives_have_every_block_and_op_kind() -> None:
    """Tests that run for `FAMILIES` alone see whatever is shipped."""
    few, every = (list(map(library.load_arch, names)) for names in (FAMILIES, TABLES))
    for parts in (_blocks, _kinds):
        assert parts(few) == parts(every)


def _blocks(archs: Iterable[Arch]) -> set[str]:
    return {row.op for arch in archs for row in arch.rows}


def _kinds(archs: Iterable[Arch]) -> set[str]:
    return {op.kind for arch in archs for graph in (arch.graph, arch.fused) for op in graph.ops}


def test_arch_ids_of_the_seeds_are_distinct() -> None:
    archs = [library.load_arch(name) for name in named("architecture")]
    assert len({arch.arch_id for arch in archs}) == len(archs)
