"""The egress guard: the one place where the gateway opens sockets to the outside.

`policy` decides which addresses may be dialled, `resolver` turns names into addresses, `dialer` dials
the very address that was checked, so that neither redirects, nor odd spellings, nor DNS rebinding lead
anywhere else. What is spoken over the socket lives in `gateway.transport` and in the adapters.
"""

from gateway.security.egress.dialer import MAIL_SERVICES, WEB_SERVICES, Dialer
from gateway.security.egress.errors import (
    BlockedAddress,
    DialFailed,
    DialTimeout,
    EgressError,
    NameUnresolved,
)
from gateway.security.egress.policy import EgressPolicy
from gateway.security.egress.resolver import Resolver, SystemResolver

__all__ = [
    "MAIL_SERVICES",
    "WEB_SERVICES",
    "BlockedAddress",
    "DialFailed",
    "DialTimeout",
    "Dialer",
    "EgressError",
    "EgressPolicy",
    "NameUnresolved",
    "Resolver",
    "SystemResolver",
]
