"""Points in time as JSON writes them: RFC 3339, and what people write instead of it."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Optional

__all__ = ["TIME", "seconds_of"]

#: Groups: year, month, day, hour, minute, second, fraction, zone. From the hour on all may be missing.
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?\Z", re.ASCII
)


def seconds_of(text: object) -> Optional[float]:
    """Seconds since 1970, None for what is no time. Without a zone it is UTC, without an hour midnight."""
    match = TIME.match(text) if type(text) is str else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc)
    except ValueError:  # 30 February
        return None
    if second > 60:  # 60 is a leap second
        return None
    zone = match.group(8) or "Z"
    ahead = 0 if zone in "Zz" else int(zone[:3]) * 3600 + int(zone[0] + zone[-2:]) * 60
    return at.timestamp() + (second - min(second, 59)) + float(match.group(7) or 0) - ahead
