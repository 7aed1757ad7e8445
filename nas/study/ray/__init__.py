"""Ray: the only room that knows it. Sweeps by Ray Tune, other work by Ray's actors and tasks."""
