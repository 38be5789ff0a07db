"""A request as bytes. Whatever could break the framing or smuggle a second request is refused here."""

from __future__ import annotations

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpRequest, header_fault
from gateway.transport.limits import Limits

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})


def encode(request: HttpRequest, user_agent: str, limits: Limits) -> bytes:
    """Head and body in one piece. Raises DeliveryFailed: misconfigured, or unsupported for its size."""
    if request.method not in METHODS:
        raise DeliveryFailed(Reason.MISCONFIGURED, f"the method is none of {', '.join(sorted(METHODS))}")
    if len(request.body) > limits.request_body:
        size = len(request.body)
        raise DeliveryFailed(Reason.UNSUPPORTED, f"a body of {size} bytes is over {limits.request_body}")
    head = "\r\n".join(_lines(request, user_agent)).encode("utf-8")
    if len(head) > limits.request_head:
        raise DeliveryFailed(Reason.UNSUPPORTED, f"a head of {len(head)} bytes is over {limits.request_head}")
    return head + request.body


def _lines(request: HttpRequest, user_agent: str) -> list[str]:
    url = request.url
    lines = [f"{request.method} {url.target} HTTP/1.1\r\nHost: {url.authority}"]
    for name, value in request.headers:
        fault = header_fault(name, value)
        if fault:
            raise DeliveryFailed(Reason.MISCONFIGURED, fault)
        if name.lower() == "user-agent":
            user_agent = ""
        lines.append(f"{name}: {value}")
    if user_agent:
        lines.append(f"User-Agent: {user_agent}")
    if request.body or request.method in _WITH_CONTENT:
        lines.append(f"Content-Length: {len(request.body)}")
    lines.append("\r\n")
    return lines
