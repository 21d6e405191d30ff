"""The weather feed: what the sky looked like at an airport in an hour.

The feed is a table of observations at an address: a file beside the notebook, or a URL. The address is read
from WEATHER_FEED when the first question comes, so the same model asks another feed elsewhere. Feeds are paid for:
WEATHER_FEED_UNTIL (Unix seconds) is when the subscription ends, and from then on the feed knows nothing.
"""

import csv
import datetime
import io
import os
import time
import urllib.request

HOURS_BACK = 3  # stations miss a reading now and then: an older one will do for so long
RETRY_SECONDS = 60


class WeatherFeed:
    """Answers with (temperature in °F, wind in mph, rain in inches, visibility in miles), or None when it does not know."""

    def __init__(self):
        self._table = None
        self._retry_at = 0.0

    def __getstate__(self):  # what it has read stays behind: the service reads the feed of its own day
        return {"_table": None, "_retry_at": 0.0}

    def at(self, origin, time_hour):
        table = self._observations()
        hour = datetime.datetime.fromisoformat(time_hour.rstrip("Z"))
        for back in range(HOURS_BACK + 1):
            seen = table.get((origin, hour - datetime.timedelta(hours=back)))
            if seen is not None:
                return seen
        return None

    def _observations(self):
        if time.time() >= float(os.environ.get("WEATHER_FEED_UNTIL", "inf")):
            return {}
        if self._table is None or (not self._table and time.monotonic() >= self._retry_at):
            try:
                self._table = _read(os.environ.get("WEATHER_FEED", "weather-feed.csv"))
            except OSError:  # no feed is no reason to fail: the caller has a fallback
                self._table = {}
                self._retry_at = time.monotonic() + RETRY_SECONDS
        return self._table


def _read(address):
    if "://" in address:
        with urllib.request.urlopen(address, timeout=5) as answer:
            text = answer.read().decode()
    else:
        with open(address) as file:
            text = file.read()
    table = {}
    for origin, time_hour, *numbers in csv.reader(io.StringIO(text)):
        hour = datetime.datetime.fromisoformat(time_hour.rstrip("Z"))
        table[origin, hour] = tuple(float(number) for number in numbers)
    return table
