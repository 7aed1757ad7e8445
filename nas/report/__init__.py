"""Pure functions from results to tables and figures."""
