"""Built networks on a GPU: the logits of the CPU, and a training step in mixed precision."""

from __future__ import annotations

import pytest
import torch

from nas.library import load_arch
from nas.modules import build
from nas.space.arch import Arch

NAMES = ("mobilenetv3-small", "repvit-m0.9", "mobilevit-xxs", "swin-t")
"""Convolutions, branches that are merged, attention, and attention within windows."""

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@torch.no_grad()
def with_statistics(seed: Arch, images: torch.Tensor) -> torch.nn.Module:
    """The built network, its norms' statistics from `images`: untouched ones let logits explode."""
    module = build(seed)
    for norm in module.modules():
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.momentum = 1.0
    module.train()(images)
    return module.eval()


@pytest.mark.parametrize("name", NAMES)
def test_logits_on_the_gpu_are_those_on_the_cpu(name: str) -> None:
    representative = load_arch(name)
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    images = torch.randn(4, *representative.input)
    module = with_statistics(representative, images)
    with torch.inference_mode():
        on_cpu = module(images)
        on_gpu = module.cuda()(images.cuda()).cpu()
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-3 * float(on_cpu.std()), rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_in_bfloat16_and_channels_last_reaches_every_weight(name: str) -> None:
    representative = load_arch(name)
    torch.manual_seed(0)
    module = build(representative).cuda().to(memory_format=torch.channels_last)
    images = torch.randn(4, *representative.input, device="cuda").to(
        memory_format=torch.channels_last
    )
    with torch.autocast("cuda", dtype=torch.bfloat16):
        loss = torch.nn.functional.cross_entropy(module(images), torch.arange(4, device="cuda"))
    loss.backward()
    assert torch.isfinite(loss)
    for name, weight in module.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
