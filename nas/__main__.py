"""`python -m nas`, as `torchrun -m nas` needs it."""

from nas.cli.main import main

main()
