"""The YAML files that people write: as JSON Schema for editors, and checked by the strict loaders.

One file per format. A schema says what its loader says as far as one can that sees no other file
and computes no shape: what it refuses, the loader refuses.
"""

from __future__ import annotations

from nas.schema import device, recipe, sweep, table
from nas.schema.kind import Kind

_KINDS = (table.ARCH, table.SPACE, device.DEVICE, recipe.RECIPE, sweep.SWEEP)

#: name -> kind of file
KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
if len(KINDS) != len(_KINDS):
    raise RuntimeError("two kinds of files share one name")

__all__ = ["KINDS", "Kind"]
