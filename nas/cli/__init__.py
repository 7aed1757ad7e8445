"""The command line: parse, call, print; no logic. One file per command.

A command's docstring is its help page with examples; `nas.cli.main` names its section.
"""
