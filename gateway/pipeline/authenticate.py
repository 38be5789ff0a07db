"""Second station: which registered source is this? A source key says so itself; other keys must name one."""

from __future__ import annotations

from gateway.domain.errors import Forbidden, Malformed, NotFound, Unauthorized
from gateway.domain.ids import SourceId
from gateway.domain.source import Instance, Role, Source
from gateway.pipeline.receive import Envelope
from gateway.pipeline.snapshot import Snapshot
from gateway.security.keys import Principal


def identify(snapshot: Snapshot, token: str, instance: str) -> tuple[Principal, Instance]:
    """Who calls, and the instance it may speak for.

    Raises Unauthorized, and NotFound for an instance that is not there or not the caller's: which of
    the two is nobody's business.
    """
    principal = snapshot.keys.identify(token) if token else None
    if principal is None:
        raise Unauthorized(
            "unauthorized",
            "a key is missing or not valid" if token else "this needs a key",
            expected="header Authorization: Bearer <key>",
        )
    found = snapshot.instance(instance)
    if found is None or (principal.role is not Role.OPERATOR and principal.instance_id != found.id):
        raise NotFound("instance_not_found", f"there is no instance {instance!r} for this key")
    return principal, found


def authenticate(snapshot: Snapshot, envelope: Envelope) -> Source:
    """The source that sends this envelope.

    Raises what `identify` raises, and Forbidden when the key may not send as that source.
    """
    principal, instance = identify(snapshot, envelope.token, envelope.instance)
    source = snapshot.sources.get(_named(principal, envelope.source_hint))
    if source is None or source.instance_id != instance.id:
        raise Forbidden(
            "source_not_named",
            f"there is no source {envelope.source_hint!r} in this instance",
            expected="the id of a registered source",
        )
    return admit(source)


def authenticate_named(snapshot: Snapshot, envelope: Envelope, named: str) -> Source:
    """The source that a notification itself names (IBM's `ibmensourceid`).

    Raises what `identify` raises, Malformed for a source that is not there (IBM's `wrong_source_id`),
    Forbidden for a source key of another source.
    """
    principal, instance = identify(snapshot, envelope.token, envelope.instance)
    if principal.role is Role.SOURCE and principal.source_id != named:
        raise Forbidden("wrong_source", "this key belongs to another source", pointer="/ibmensourceid")
    source = snapshot.sources.get(SourceId(named))
    if source is None or source.instance_id != instance.id:
        raise Malformed(
            "wrong_source_id",
            "Incorrect source id",
            pointer="/ibmensourceid",
            expected="the id of a registered source",
        )
    return admit(source)


def admit(source: Source) -> Source:
    """Let an enabled source through. Raises Forbidden for a disabled one."""
    if not source.enabled:
        raise Forbidden(
            "source_disabled", f"source {source.name!r} is disabled", expected="an enabled source"
        )
    return source


def _named(principal: Principal, hint: str) -> SourceId:
    if principal.role is Role.SOURCE and principal.source_id:
        if hint and hint != principal.source_id:
            raise Forbidden(
                "wrong_source", "this key belongs to another source", expected="the key of that source"
            )
        return principal.source_id
    if not hint:
        raise Forbidden(
            "source_not_named",
            "this key belongs to no source",
            expected="?source_id=<id>, or the key of a source",
        )
    return SourceId(hint)
