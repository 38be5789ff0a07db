"""Second station: which registered source is this? A source key says so itself; other keys must name one."""

from __future__ import annotations

from base64 import b64decode

from gateway.domain.errors import Forbidden, Malformed, NotFound, Unauthorized
from gateway.domain.ids import SourceId
from gateway.domain.source import Instance, Role, Source
from gateway.pipeline.receive import Envelope
from gateway.pipeline.signature import is_signed
from gateway.pipeline.snapshot import Snapshot
from gateway.security.keys import Principal
from gateway.spi.discovery import source_formats
from gateway.spi.polled_format import asked

DISABLED = "source_disabled"


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


def authenticate_at(snapshot: Snapshot, envelope: Envelope) -> tuple[Source, bool]:
    """The source whose own route this is, and whether a signature still has to prove it.

    Its key may come as bearer token, as password of basic authentication, or in the header that the source
    names. Raises what `authenticate` raises.
    """
    source = snapshot.sources.get(SourceId(envelope.source_hint))
    instance = snapshot.instance(envelope.instance)
    if source is not None and instance is not None and source.instance_id == instance.id:
        if source.signing:
            if not is_signed(source, envelope):
                raise Unauthorized("signature_missing", "requests of this source have to be signed")
            return admit(source), True
        envelope = envelope._replace(token=envelope.token or _key_of(source, envelope))
    return authenticate(snapshot, envelope), False


def authenticate_capability(snapshot: Snapshot, token: str) -> Source:
    """The source that a capability URL belongs to.

    Raises NotFound for a URL that is nobody's, Forbidden for a source that is disabled.
    """
    principal = snapshot.keys.by_url(token)
    source = snapshot.sources.get(principal.source_id) if principal and principal.source_id else None
    if source is None:
        raise NotFound("capability_not_found", "there is no source behind this URL")
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
    """Let an enabled source through. Raises Forbidden for a disabled one, and one that is polled."""
    require_enabled(source)
    if asked(source, source_formats()) is not None:
        raise Forbidden(
            "source_polled",
            f"source {source.name!r} is asked by the gateway; nothing is sent to it",
            expected="a source of another format",
        )
    return source


def require_enabled(source: Source) -> None:
    """Raises Forbidden for a source that is disabled."""
    if not source.enabled:
        raise Forbidden(DISABLED, f"source {source.name!r} is disabled", expected="an enabled source")


def _key_of(source: Source, envelope: Envelope) -> str:
    """The key that stands in the source's own header, else as a password; '' where there is none."""
    headers = {name.lower(): value.strip() for name, value in envelope.headers}
    own = headers.get(source.key_header.lower().encode()) if source.key_header else None
    if own:
        return own.decode("latin-1")
    scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    return _password(credentials.strip()) if scheme.lower() == b"basic" else ""


def _password(credentials: bytes) -> str:
    """The password of basic authentication (RFC 7617); the user is of no account."""
    try:
        return b64decode(credentials, validate=True).decode("latin-1").partition(":")[2]
    except ValueError:
        return ""


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
