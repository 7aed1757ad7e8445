"""The command line: parse, call, print; no logic. One file per command."""
