"""Failures of venues: what a reply means, judged by status and text, and retry within a budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

T = TypeVar("T")

GEO_BLOCK_WORDS = ("restricted location", "eligibility", "block access from your country", "unavailable in the u.s")
"""Texts of a refusal by location (Binance's 451, Bybit's CloudFront 403), in lower case."""


class Reply(NamedTuple):
    """A venue's reply: HTTP status (0 for none), headers in lower case, and the text."""

    status: int
    headers: dict[str, str]
    text: str


NO_REPLY = Reply(0, {}, "")


class VenueFailure(Exception):
    """A venue did not answer a request.

    reason : the rest of a sentence that begins with the venue's name. blocked : it refuses this location.
    passing : a retry may succeed. pause : seconds to wait that the venue stated, or None.

    >>> print(VenueFailure("is out of order (HTTP 503)", passing=True))
    is out of order (HTTP 503)
    """

    def __init__(
        self, reason: str, *, blocked: bool = False, passing: bool = False, pause: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason, self.blocked, self.passing, self.pause = reason, blocked, passing, pause


class RetryPolicy(NamedTuple):
    """Timeout and retries of requests to a venue.

    timeout : seconds for one reply; tries : maximum number of attempts; backoff : seconds before the
    second attempt, doubled for each one more; budget : seconds that failures may cost one fetch from one
    venue; spaced : whether calls keep the venue's rate limit.
    """

    timeout: float = 8.0
    tries: int = 3
    backoff: float = 0.4
    budget: float = 8.0
    spaced: bool = True


RETRY_POLICY = RetryPolicy()
"""Policy of every venue; tests set a shorter one."""


class RetryBudget:
    """Seconds that one fetch may still lose to failures, shared by all its calls.

    >>> RetryBudget(seconds=8.0, tries=3).left
    8.0
    """

    def __init__(self, seconds: float, tries: int) -> None:
        self.left, self.tries = seconds, tries


def classify_failure(reply: Reply, *, timed_out: bool, refused: bool) -> VenueFailure:
    """Return the failure behind an exception, judged by status and text rather than by the exception's class.

    ccxt calls Bybit's geographic 403 a rate limit and Binance's 451 unavailable, so its classes mislead.
    timed_out : no reply within the timeout; refused : the venue understood the request and declined it.

    >>> print(classify_failure(Reply(451, {}, ""), timed_out=False, refused=False))
    does not serve this location (HTTP 451)
    """
    status, text = reply.status, reply.text[:4000].lower().strip()
    is_page = text[:1] == "<"
    is_geo_block = any(words in text for words in GEO_BLOCK_WORDS) or (status == 403 and "cloudfront" in text)
    if status == 451 or (is_geo_block and (status in (400, 401, 403) or (status == 200 and is_page))):
        return VenueFailure(f"does not serve this location (HTTP {status})", blocked=True)
    if status == 418:
        return VenueFailure("has shut this address out for a while (HTTP 418)", pause=_pause(reply))
    if status == 429:
        return VenueFailure("asks for fewer requests (HTTP 429)", passing=True, pause=_pause(reply))
    if status >= 500:
        return VenueFailure(f"is out of order (HTTP {status})", passing=True, pause=_pause(reply))
    if timed_out:
        return VenueFailure("did not answer in time", passing=True)
    if status == 0:
        return VenueFailure("could not be reached, or broke off its answer", passing=True)
    if status >= 400:
        return VenueFailure(f"declined the request (HTTP {status})")
    if refused:
        return VenueFailure("declined the request")
    if is_page:
        return VenueFailure("answered with a web page instead of data", passing=True)
    return VenueFailure("sent an answer that cannot be read", passing=True)


def _pause(reply: Reply) -> float | None:
    """Return the seconds in a reply's Retry-After header, or None."""
    try:
        return max(0.0, float(reply.headers.get("retry-after", "")))
    except ValueError:
        return None


def usual_budget() -> RetryBudget:
    """Return what one fetch may lose to failures by RETRY_POLICY.

    >>> usual_budget().tries == RETRY_POLICY.tries
    True
    """
    return RetryBudget(RETRY_POLICY.budget, RETRY_POLICY.tries)


def retry(request: Callable[[], T], budget: RetryBudget, policy: RetryPolicy) -> T:
    """Return a request's answer, retried after temporary failures within the budget.

    A venue's own Retry-After is obeyed when the budget allows it, and ends the attempts when it does not.

    >>> retry(lambda: 42, RetryBudget(8.0, 3), RETRY_POLICY)
    42
    """
    for attempt in range(budget.tries):
        started = time.monotonic()
        try:
            return request()
        except VenueFailure as failure:
            budget.left -= time.monotonic() - started
            wait = failure.pause if failure.pause is not None else policy.backoff * 2**attempt
            if not failure.passing or attempt + 1 == budget.tries or wait > budget.left:
                raise
            time.sleep(wait)
            budget.left -= wait
    raise AssertionError("a budget has at least one attempt")
