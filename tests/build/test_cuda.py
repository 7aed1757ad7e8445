"""Built networks on a GPU: the logits of the CPU, and a training step in mixed precision."""

from __future__ import annotations

import pytest
import torch

from nas.arch import Arch
from nas.build import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def test_logits_on_the_gpu_are_those_on_the_cpu(seed: Arch) -> None:
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    module, images = build(seed).eval(), torch.randn(2, *seed.input)
    with torch.inference_mode():
        on_cpu = module(images)
        on_gpu = module.cuda()(images.cuda()).cpu()
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-4, rtol=1e-3)


def test_a_step_in_bfloat16_and_channels_last_changes_every_weight(seed: Arch) -> None:
    torch.manual_seed(0)
    module = build(seed).cuda().to(memory_format=torch.channels_last)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    images = torch.randn(4, *seed.input, device="cuda").to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        loss = torch.nn.functional.cross_entropy(module(images), torch.arange(4, device="cuda"))
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    still = [name for name, p in module.named_parameters() if torch.equal(p, before[name])]
    # a bias before a batch norm has no gradient but rounding
    assert all(name.endswith("bias") for name in still)
