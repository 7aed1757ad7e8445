"""Tables and JSON on the terminal."""
