"""Inner search: the best network of a space within a latency budget, in seconds.

`search` joins the exact solver (for the additive part) and evolution (for the whole objective).
"""

from nas.optimize.evolution import Settings
from nas.optimize.result import Candidate, SearchResult
from nas.optimize.run import search

__all__ = ["Candidate", "SearchResult", "Settings", "search"]
