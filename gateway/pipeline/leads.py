"""Where the reader of a message can go from it: to the gateway, out of the list, to the message above it."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from gateway.domain.clock import Clock
from gateway.domain.delivery import Claim
from gateway.domain.destination import UNSUBSCRIBED, Destination
from gateway.domain.errors import Refused
from gateway.domain.incident import Part, Thread
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Incidents
from gateway.security.acknowledging import AcknowledgeLinks
from gateway.security.unsubscribing import UnsubscribeLinks, Unsubscription
from gateway.spi.destination import SubscriptionAddress
from gateway.spi.discovery import destinations


class Leads(NamedTuple):
    """What of it one message has; '' and None for what it has not."""

    public_url: str = ""
    unsubscribe_url: str = ""
    acknowledge_url: str = ""
    thread: Thread | None = None


class Leading:
    """Finds the leads of deliveries."""

    def __init__(
        self,
        public_url: str,
        unsubscribe_links: UnsubscribeLinks,
        acknowledge_links: AcknowledgeLinks,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        self._public_url = public_url
        self._unsubscribe_links, self._acknowledge_links = unsubscribe_links, acknowledge_links
        self._incidents, self._clock = incidents, clock

    async def of(
        self, claim: Claim, destination: Destination, address: SubscriptionAddress | None, snapshot: Snapshot
    ) -> Leads:
        """The leads of one delivery."""
        return Leads(
            self._public_url,
            self._unsubscribe_url(claim, address),
            self._acknowledge_url(claim, snapshot),
            await self._thread(claim, destination),
        )

    def _unsubscribe_url(self, claim: Claim, address: SubscriptionAddress | None) -> str:
        """Where the recipient unsubscribes; '' for kinds that keep no list of who did."""
        if not claim.recipient or not claim.subscription_id or not hasattr(address, UNSUBSCRIBED):
            return ""
        wanted = Unsubscription(claim.accepted.instance_id, claim.subscription_id, claim.recipient)
        return self._unsubscribe_links.url(wanted)

    def _acknowledge_url(self, claim: Claim, snapshot: Snapshot) -> str:
        """Where a reader acknowledges what is told; '' for what needs nobody any more."""
        chapter = claim.chapter
        if chapter is None or chapter.part is Part.RECOVERY:
            return ""
        subscription = snapshot.subscriptions.get(claim.subscription_id)
        by = claim.recipient or f"a reader of {subscription.name if subscription else 'it'}"
        incident = chapter.incident
        return self._acknowledge_links.url(incident.instance_id, incident.id, by, self._clock.now())

    async def _thread(self, claim: Claim, destination: Destination) -> Thread | None:
        """The message that this one stands below where a channel has threads; else it stands alone."""
        kind = destinations().get(destination.kind)
        if claim.chapter is None or kind is None or not kind.threads:
            return None
        place = claim.chapter.incident.id, claim.subscription_id, claim.recipient
        with contextlib.suppress(Refused):
            return await self._incidents.thread(*place)
        return None
