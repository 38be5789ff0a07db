"""What a subscription adds to a mail destination: IBM's attributes of an e-mail subscription.

Reference: IBM Event Notifications, subscriptions of type smtp_ibm and smtp_custom (facts:
ibm-event-notifications section 2). The lists hold plain addresses; who adds and removes is the API.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.destinations.email.addresses import Mailbox, OptionalMailbox
from gateway.spi.destination import SubscriptionAddress

MAX_RECIPIENTS = 500
"""Addresses in one list of a subscription (design section 5)."""

Name = Annotated[str, StringConstraints(max_length=255)]
TemplateId = Annotated[str, StringConstraints(max_length=255)]
Mailboxes = Annotated[tuple[Mailbox, ...], Field(max_length=MAX_RECIPIENTS)]


class MailAddress(SubscriptionAddress):
    """Who gets mail, and in whose name. An invited address counts as subscribed."""

    invited: Mailboxes = Field((), title="Invited", description="Addresses that get mail.")
    subscribed: Mailboxes = Field((), title="Subscribed", description="Addresses that get mail.")
    unsubscribed: Mailboxes = Field(
        (), title="Unsubscribed", description="Addresses that get no mail, whatever the other lists say."
    )
    add_notification_payload: bool = Field(
        False, title="Add notification payload", description="Append the event's data to the mail."
    )
    reply_to_mail: OptionalMailbox = Field("", title="Reply to", description="Address that answers go to.")
    reply_to_name: Name = Field("", title="Reply-to name", description="Name of whom answers go to.")
    from_email: OptionalMailbox = Field(
        "", title="From address", description="The sender's address, instead of the destination's."
    )
    from_name: Name = Field(
        "", title="From name", description="The sender's name, instead of the destination's."
    )
    template_id_notification: TemplateId = Field(
        "", title="Template", description="Id of the template of the mails; empty for the default form."
    )
    template_id_invitation: TemplateId = Field(
        "", title="Invitation template", description="Accepted for IBM's clients; no invitations are sent."
    )
