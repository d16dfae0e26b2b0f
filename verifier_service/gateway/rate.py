"""How often one caller may ask: a token bucket for each address, in bounded memory.

An IPv6 caller owns a whole /64 and is counted by it. Each worker process counts for itself.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from verifier_service.gateway.limits import MAX_CALLERS


class RateLimit:
    """At most `per_minute` in the long run and as many at once; 0 means no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_s, self._most, self._clock = per_minute / 60.0, float(per_minute), clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> (tokens, as of)

    def wait_s(self, address: str | None) -> float:
        """Take one: 0.0 when it may go on, else the seconds until the next is free."""
        if not self._most:
            return 0.0
        caller, now = group_of(address), self._clock()
        with self._lock:
            tokens, seen = self._left.pop(caller, (self._most, now))
            tokens = min(self._most, tokens + (now - seen) * self._per_s)
            short = max(0.0, 1.0 - tokens)
            self._left[caller] = (tokens if short else tokens - 1.0, now)
            if len(self._left) > MAX_CALLERS:
                self._left.popitem(last=False)
        return short / self._per_s


def group_of(address: str | None) -> str:
    """The caller an address belongs to."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
