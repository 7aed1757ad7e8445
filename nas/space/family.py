"""Families of networks, as their names tell."""

from __future__ import annotations

import re


def family_of(network: str) -> str:
    """Leading letters of a network's name, without its library and version.

    >>> family_of("timm:mobilenetv3_large_100"), family_of("mobilenetv2-1.4")
    ('mobilenet', 'mobilenet')
    >>> family_of("timm:tf_mixnet_s")
    'mixnet'
    """
    name = network.rpartition("/")[2].rpartition(":")[2].removeprefix("tf_").lower()
    letters = re.match(r"[a-z]+", name)
    return re.sub(r"v$", "", letters[0]) if letters else name
