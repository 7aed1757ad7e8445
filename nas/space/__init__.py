"""Tables of rows: one architecture, or a space of them with choices."""
