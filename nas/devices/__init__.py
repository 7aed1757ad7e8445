"""How devices are made: measured latencies, timing, profiles, calibration."""
