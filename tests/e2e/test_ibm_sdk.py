"""IBM's own Python SDK against the gateway: sources, topics, destinations, subscriptions."""

from __future__ import annotations

import base64
import io
import json

import pytest
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator, NoAuthAuthenticator
from ibm_eventnotifications import event_notifications_v1 as ibm

from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import ADMIN_KEY, GatewayProcess
from tests.ibm_sdk import Sdk

NOWHERE = "01234567-89ab-7def-8123-456789abcdef"
EVERYTHING = [{"enabled": True, "event_type_filter": "$.*", "notification_filter": ""}]


async def new_source(sdk: Sdk, name: str = "a source") -> str:
    answer = await sdk.call("create_sources", name=name, enabled=True, description="d")
    return answer.get_result()["id"]


async def new_topic(sdk: Sdk, name: str = "a topic") -> str:
    sources = [{"id": await new_source(sdk), "rules": EVERYTHING}]
    return (await sdk.call("create_topic", name, sources=sources)).get_result()["id"]


async def new_destination(sdk: Sdk, kind: str, **params: object) -> str:
    created = await sdk.call("create_destination", f"a {kind}", kind, config={"params": params})
    return created.get_result()["id"]


async def built_in(sdk: Sdk, kind: str) -> str:
    return next(row["id"] for row in await sdk.all_rows(ibm.DestinationsPager) if row["type"] == kind)


async def test_sources_are_created_read_changed_and_removed(sdk: Sdk):
    made = await sdk.answer(
        201, ibm.SourceResponse, "create_sources", name="one", enabled=True, description="first"
    )
    assert made.id.endswith(":api") and (made.enabled, made.store_notifications) == (True, False)
    read = await sdk.answer(200, ibm.Source, "get_source", made.id)
    assert (read.name, read.type, read.topic_count, read.topic_names) == ("one", "api", 0, [])
    changed = await sdk.answer(
        200, ibm.Source, "update_source", made.id, name="two", enabled=False, store_notifications=True
    )
    assert (changed.name, changed.description, changed.enabled) == ("two", "first", False)
    assert changed.updated_at >= made.created_at
    await sdk.removed("delete_source", made.id)
    await sdk.refused(404, "source_not_found", "get_source", made.id)


async def test_lists_are_paged_and_searched_by_the_sdks_own_pager(sdk: Sdk):
    for number in range(5):
        await new_source(sdk, f"Source {number}")
        await new_topic(sdk, f"Topic {number}")
    rows = await sdk.all_rows(ibm.SourcesPager, limit=3, search="source 1")
    assert [row["name"] for row in rows] == ["Source 1"]
    rows = await sdk.all_rows(ibm.TopicsPager, limit=2)
    assert [row["name"] for row in rows] == [f"Topic {number}" for number in range(5)]
    first = await sdk.answer(200, ibm.TopicList, "list_topics", limit=2)
    assert (first.total_count, first.offset, first.limit, len(first.topics)) == (5, 0, 2, 2)
    assert first.next.href.startswith("/event-notifications/") and first.previous is None
    last = await sdk.answer(200, ibm.TopicList, "list_topics", limit=2, offset=4)
    assert last.next is None and last.previous is not None


async def test_a_page_behind_the_last_row_is_empty(sdk: Sdk):
    total = 2
    for _ in range(total):
        await new_source(sdk)
    page = await sdk.answer(200, ibm.SourceList, "list_sources", limit=1, offset=total)
    assert (page.total_count, page.sources, page.next) == (total, [], None)


async def test_topics_hold_sources_with_rules_and_are_replaced_whole(sdk: Sdk):
    source_id, other_id = await new_source(sdk, "one"), await new_source(sdk, "two")
    rules = [
        ibm.Rules(
            enabled=True,
            event_type_filter="$.notification_event_info.event_type == 'cert_manager'",
            notification_filter="$.notification.findings[0].severity == 'MODERATE'",
        ),
        ibm.Rules(event_type_filter="$.*"),
    ]
    made = await sdk.answer(
        201,
        ibm.TopicResponse,
        "create_topic",
        "t",
        description="d",
        sources=[ibm.SourcesItems(id=source_id, rules=rules)],
    )
    read = await sdk.answer(200, ibm.Topic, "get_topic", made.id, include="subscriptions")
    assert [(one.id, one.name) for one in read.sources] == [(source_id, "one")]
    told = [(one.enabled, one.event_type_filter, one.notification_filter) for one in read.sources[0].rules]
    assert told == [(True, rules[0].event_type_filter, rules[0].notification_filter), (True, "$.*", "")]
    assert all(one.id and one.updated_at for one in read.sources[0].rules)
    replacement = {"name": "t2", "sources": [{"id": other_id, "rules": EVERYTHING}]}
    replaced = await sdk.answer(200, ibm.Topic, "replace_topic", made.id, **replacement)
    assert [one.id for one in replaced.sources] == [other_id] and replaced.description == "d"
    again = await sdk.answer(200, ibm.TopicResponse, "replace_topic", made.id, **replacement)
    assert again.created_at == made.created_at
    listed = await sdk.answer(200, ibm.TopicList, "list_topics")
    assert [(row.source_count, row.sources_names) for row in listed.topics] == [(1, ["two"])]
    source = await sdk.answer(200, ibm.Source, "get_source", other_id)
    assert (source.topic_count, source.topic_names) == (1, ["t2"])
    await sdk.removed("delete_topic", made.id)


async def test_a_topic_of_an_unknown_source_is_refused_in_ibms_words(sdk: Sdk):
    sources = [{"id": f"{NOWHERE}:api", "rules": EVERYTHING}]
    message = await sdk.refused(400, "wrong_source_id", "create_topic", "t", sources=sources)
    assert "Incorrect source id" in message


async def test_a_webhook_keeps_its_secret_headers_to_itself(sdk: Sdk, sink: HttpSink):
    params = {
        "url": sink.url("/hook"),
        "verb": "put",
        "custom_headers": {"authorization": "Bearer hidden", "x-plain": "seen"},
        "sensitive_headers": ["authorization"],
    }
    made = await sdk.answer(
        201,
        ibm.DestinationResponse,
        "create_destination",
        "hook",
        "webhook",
        description="d",
        collect_failed_events=True,
        config={"params": params},
    )
    assert made.collect_failed_events is True
    read = await sdk.answer(200, ibm.Destination, "get_destination", made.id)
    shown = read.config.params
    assert ibm.DestinationConfigOneOfWebhookDestinationConfig.from_dict(shown).url == params["url"]
    assert shown["sensitive_headers"] == ["authorization"] and shown["custom_headers"]["x-plain"] == "seen"
    assert "hidden" not in json.dumps(shown) and "authorization" in shown["custom_headers"]
    changed = await sdk.answer(
        200, ibm.Destination, "update_destination", made.id, name="renamed", config={"params": shown}
    )
    assert (changed.name, changed.description, changed.collect_failed_events) == ("renamed", "d", True)
    await sdk.call("test_destination", made.id)
    sent = sink.requests[-1]
    assert (sent.method, sent.headers["authorization"], sent.headers["x-plain"]) == (
        "PUT",
        "Bearer hidden",
        "seen",
    )


async def test_an_update_without_anything_changes_nothing(sdk: Sdk, sink: HttpSink):
    made = await new_destination(sdk, "webhook", url=sink.url("/hook"), verb="post")
    before = await sdk.answer(200, ibm.Destination, "get_destination", made)
    after = await sdk.answer(200, ibm.Destination, "update_destination", made)
    assert (after.name, after.config) == (before.name, before.config)


async def test_headers_and_query_given_anew_replace_the_secret_ones(sdk: Sdk, sink: HttpSink):
    made = await new_destination(
        sdk,
        "webhook",
        url=sink.url("/old?token=hidden"),
        verb="post",
        custom_headers={"authorization": "hidden", "x-old": "1"},
        sensitive_headers=["authorization"],
    )
    shown = (await sdk.call("get_destination", made)).get_result()["config"]["params"]
    assert "hidden" not in json.dumps(shown)
    params = {"url": sink.url("/new"), "custom_headers": {"x-new": "2"}, "sensitive_headers": []}
    await sdk.call("update_destination", made, config={"params": params})
    await sdk.call("test_destination", made)
    sent = sink.requests[-1]
    assert sent.target == "/new" and sent.headers["x-new"] == "2"
    assert not {"authorization", "x-old"} & {name.lower() for name in sent.headers}


async def test_files_that_ibms_clients_attach_are_passed_over(sdk: Sdk, sink: HttpSink):
    icon = io.BytesIO(b"\x89PNG\r\n--boundary")
    icon.name = "icon.png"
    config = {"params": {"url": sink.url("/"), "verb": "post"}}
    made = await sdk.call("create_destination", "w", "webhook", config=config, icon_16x16=icon)
    assert made.get_status_code() == 201


async def test_slack_and_custom_domain_mail_are_destinations_too(sdk: Sdk, sink: HttpSink):
    slack = {"url": sink.url("/services/T/B/hidden"), "type": "incoming_webhook"}
    made = await sdk.answer(
        201, ibm.DestinationResponse, "create_destination", "chat", "slack", config={"params": slack}
    )
    shown = ibm.DestinationConfigOneOfSlackDestinationConfig.from_dict(made.config.params)
    assert shown.type == "incoming_webhook" and "hidden" not in shown.url
    mail = await sdk.answer(
        201,
        ibm.DestinationResponse,
        "create_destination",
        "mail",
        "smtp_custom",
        config={"params": {"domain": "example.com"}},
    )
    shown = ibm.DestinationConfigOneOfCustomDomainEmailDestinationConfig.from_dict(mail.config.params)
    assert shown.domain == "example.com"
    listed = await sdk.answer(200, ibm.DestinationList, "list_destinations", search="chat")
    assert [(row.type, row.subscription_count) for row in listed.destinations] == [("slack", 0)]
    await sdk.removed("delete_destination", made.id)


async def test_pagerduty_takes_ibms_settings_and_a_template_of_its_subscription(sdk: Sdk):
    params = ibm.DestinationConfigOneOfPagerDutyDestinationConfig(
        api_key="hidden-api-key", routing_key="hidden-routing-key"
    )
    made = await sdk.answer(
        201,
        ibm.DestinationResponse,
        "create_destination",
        "pages",
        "pagerduty",
        config={"params": params.to_dict()},
    )
    shown = ibm.DestinationConfigOneOfPagerDutyDestinationConfig.from_dict(made.config.params)
    assert shown.api_key and shown.routing_key and "hidden" not in shown.api_key + shown.routing_key
    body = base64.b64encode(b"{{event.subject}}").decode()
    config = ibm.TemplateConfigOneOfPagerdutyTemplateConfig(body=body)
    template = await sdk.answer(
        201, ibm.TemplateResponse, "create_template", "pages", "pagerduty.notification", config
    )
    subscribed = await sdk.answer(
        201,
        ibm.Subscription,
        "create_subscription",
        "pages",
        made.id,
        await new_topic(sdk),
        attributes=ibm.SubscriptionCreateAttributesPagerDutyAttributes(template_id_notification=template.id),
    )
    shown = ibm.SubscriptionAttributesPagerDutyAttributesResponse.from_dict(subscribed.attributes)
    assert shown.template_id_notification == template.id


async def test_the_built_in_mail_service_is_found_by_listing_and_stays(sdk: Sdk):
    found = await built_in(sdk, "smtp_ibm")
    await sdk.refused(422, "unknown_type", "create_destination", "another", "smtp_ibm")
    await sdk.refused(409, "built_in", "delete_destination", found)
    attributes = ibm.SubscriptionCreateAttributesEmailAttributes(
        invited=["ops@example.com"],
        add_notification_payload=True,
        reply_to_mail="reply@example.com",
        reply_to_name="Replies",
        from_name="Backups",
    )
    made = await sdk.answer(
        201,
        ibm.Subscription,
        "create_subscription",
        "mail",
        found,
        await new_topic(sdk),
        attributes=attributes,
    )
    shown = ibm.SubscriptionAttributesEmailAttributesResponse.from_dict(made.attributes)
    assert [one.email for one in shown.invited] == ["ops@example.com"]


async def test_the_built_in_sms_service_is_found_by_listing_and_takes_numbers(sdk: Sdk):
    found = await built_in(sdk, "sms_ibm")
    await sdk.refused(422, "unknown_type", "create_destination", "another", "sms_ibm")
    await sdk.refused(409, "built_in", "delete_destination", found)
    made = await sdk.answer(
        201,
        ibm.Subscription,
        "create_subscription",
        "texts",
        found,
        await new_topic(sdk),
        attributes=ibm.SubscriptionCreateAttributesSMSAttributes(invited=["+4930123456", "+4930123457"]),
    )
    assert made.destination_type == "sms_ibm"

    async def listed(**edits: object) -> dict[str, list[str]]:
        attributes = ibm.SubscriptionUpdateAttributesSMSUpdateAttributes(**edits)
        changed = await sdk.answer(
            200, ibm.Subscription, "update_subscription", made.id, attributes=attributes
        )
        shown = ibm.SubscriptionAttributesSMSAttributesResponse.from_dict(changed.attributes)
        return {
            name: [one.phone_number for one in getattr(shown, name)]
            for name in ("invited", "subscribed", "unsubscribed")
        }

    edit = ibm.UpdateAttributesInvited(add=["+4930123458"], remove=["+4930123456", "+4930999999"])
    none = {"subscribed": [], "unsubscribed": []}
    assert await listed(invited=edit) == {"invited": ["+4930123457", "+4930123458"], **none}
    gone = ibm.UpdateAttributesSubscribed(remove=["+4930123457"])
    assert await listed(subscribed=gone) == {"invited": ["+4930123458"], **none}
    wrong = {"invited": {"add": ["030 123"]}}
    message = await sdk.refused(422, "invalid_value", "update_subscription", made.id, attributes=wrong)
    assert "/attributes/invited" in message


async def test_subscriptions_are_created_read_changed_and_removed(sdk: Sdk, sink: HttpSink):
    destination = await new_destination(sdk, "webhook", url=sink.url("/"), verb="post")
    topic = await new_topic(sdk)
    made = await sdk.answer(
        201,
        ibm.Subscription,
        "create_subscription",
        "sub",
        destination,
        topic,
        description="d",
        attributes=ibm.SubscriptionCreateAttributesWebhookAttributes(signing_enabled=False),
    )
    assert (made.destination_id, made.destination_type, made.topic_id) == (destination, "webhook", topic)
    assert (made.destination_name, made.topic_name) == ("a webhook", "a topic")
    shown = ibm.SubscriptionAttributesWebhookAttributesResponse.from_dict(made.attributes)
    assert shown.signing_enabled is False
    changed = await sdk.answer(
        200,
        ibm.Subscription,
        "update_subscription",
        made.id,
        name="renamed",
        attributes=ibm.SubscriptionUpdateAttributesWebhookAttributes(signing_enabled=True),
    )
    assert (changed.name, changed.description) == ("renamed", "d")
    assert changed.attributes["signing_enabled"] is True
    listed = await sdk.answer(200, ibm.SubscriptionList, "list_subscriptions", search="RENAMED")
    assert [row.id for row in listed.subscriptions] == [made.id]
    topic_read = await sdk.answer(200, ibm.Topic, "get_topic", topic)
    assert [row.id for row in topic_read.subscriptions] == [made.id]
    destination_read = await sdk.answer(200, ibm.Destination, "get_destination", destination)
    assert destination_read.subscription_names == ["renamed"]
    await sdk.refused(409, "in_use", "delete_topic", topic)
    await sdk.refused(409, "in_use", "delete_destination", destination)
    await sdk.removed("delete_subscription", made.id)
    await sdk.removed("delete_topic", topic)
    await sdk.removed("delete_destination", destination)


async def test_a_colour_of_slack_is_an_attribute_of_the_subscription(sdk: Sdk, sink: HttpSink):
    destination = await new_destination(sdk, "slack", url=sink.url("/"), type="incoming_webhook")
    made = await sdk.answer(
        201,
        ibm.Subscription,
        "create_subscription",
        "chat",
        destination,
        await new_topic(sdk),
        attributes=ibm.SubscriptionCreateAttributesSlackAttributes(attachment_color="#FF0000"),
    )
    shown = ibm.SubscriptionAttributesSlackAttributesResponse.from_dict(made.attributes)
    assert shown.attachment_color == "#FF0000"


async def test_a_bot_of_slack_has_channels_that_are_added_and_removed_in_ibms_forms(sdk: Sdk):
    params = ibm.DestinationConfigOneOfSlackDirectMessageDestinationConfig(
        token="xoxb-1", type="direct_message"
    )
    bot = await sdk.answer(
        201,
        ibm.DestinationResponse,
        "create_destination",
        "bot",
        "slack",
        config=ibm.DestinationConfig(params=params).to_dict(),
    )
    shown = ibm.DestinationConfigOneOfSlackDirectMessageDestinationConfig.from_dict(bot.config.params)
    assert shown.type == "direct_message" and "xoxb" not in shown.token
    attributes = ibm.SubscriptionCreateAttributesSlackDirectMessageAttributes(
        channels=[ibm.ChannelCreateAttributes(id="C1"), ibm.ChannelCreateAttributes(id="C2")]
    )
    topic = await new_topic(sdk)
    made = await sdk.answer(
        201, ibm.Subscription, "create_subscription", "chat", bot.id, topic, attributes=attributes
    )
    update = ibm.SubscriptionUpdateAttributesSlackDirectMessageUpdateAttributes(
        channels=[
            ibm.ChannelUpdateAttributes(id="C1", operation="remove"),
            ibm.ChannelUpdateAttributes(id="U3", operation="add"),
        ]
    )
    changed = await sdk.answer(200, ibm.Subscription, "update_subscription", made.id, attributes=update)
    read = ibm.SubscriptionAttributesSlackDirectMessageAttributesResponse.from_dict(changed.attributes)
    assert [channel.id for channel in read.channels] == ["C2", "U3"]


async def test_teams_is_a_destination_too(sdk: Sdk, sink: HttpSink):
    params = ibm.DestinationConfigOneOfMSTeamsDestinationConfig(url=sink.url("/workflows/x?sig=hidden"))
    config = ibm.DestinationConfig(params=params).to_dict()
    made = await sdk.answer(
        201, ibm.DestinationResponse, "create_destination", "teams", "msteams", config=config
    )
    shown = ibm.DestinationConfigOneOfMSTeamsDestinationConfig.from_dict(made.config.params)
    assert "hidden" not in shown.url
    sink.usual = Reply(202, body=b"")
    told = await sdk.call("test_destination", made.id)
    assert told.get_result()["status"] == "success"
    assert sink.requests[0].target == "/workflows/x?sig=hidden"


async def test_recipients_are_invited_and_removed_in_ibms_forms(sdk: Sdk):
    destination = await new_destination(sdk, "smtp_custom", domain="example.com")
    attributes = ibm.SubscriptionCreateAttributesCustomEmailAttributes(
        invited=["one@example.com", "two@example.com", "three@example.com"],
        add_notification_payload=True,
        reply_to_mail="reply@example.com",
        reply_to_name="Replies",
        from_name="Backups",
        from_email="backups@example.com",
    )
    made = await sdk.answer(
        201,
        ibm.Subscription,
        "create_subscription",
        "mail",
        destination,
        await new_topic(sdk),
        attributes=attributes,
    )

    async def listed(**edits: object) -> dict[str, list[str]]:
        changed = await sdk.answer(200, ibm.Subscription, "update_subscription", made.id, attributes=edits)
        shown = ibm.SubscriptionAttributesCustomEmailAttributesResponse.from_dict(changed.attributes)
        assert (shown.from_email, shown.add_notification_payload) == ("backups@example.com", True)
        return {
            name: [one.email for one in getattr(shown, name)]
            for name in ("invited", "subscribed", "unsubscribed")
        }

    edit = ibm.UpdateAttributesInvited(
        add=["four@example.com"], remove=["ONE@example.com", "nobody@example.com"]
    )
    lists = await listed(invited=edit.to_dict())
    assert lists["invited"] == ["two@example.com", "three@example.com", "four@example.com"]
    lists = await listed(subscribed=ibm.UpdateAttributesSubscribed(remove=["two@example.com"]).to_dict())
    assert lists["invited"] == ["three@example.com", "four@example.com"]
    nobody = ibm.UpdateAttributesUnsubscribed(remove=["five@example.com"]).to_dict()
    lists = await listed(unsubscribed=nobody)
    assert lists == {
        "invited": ["three@example.com", "four@example.com"],
        "subscribed": [],
        "unsubscribed": [],
    }
    wrong = {"invited": {"add": "six@example.com"}}
    message = await sdk.refused(422, "invalid_value", "update_subscription", made.id, attributes=wrong)
    assert "/attributes/invited" in message


async def test_a_second_subscription_of_the_same_name_is_a_conflict_in_ibms_words(sdk: Sdk, sink: HttpSink):
    destination = await new_destination(sdk, "webhook", url=sink.url("/"), verb="post")
    topic = await new_topic(sdk)
    await sdk.call("create_subscription", "one", destination, topic)
    other = (await sdk.call("create_subscription", "two", destination, topic)).get_result()["id"]
    message = await sdk.refused(409, "already_exists", "create_subscription", "one", destination, topic)
    assert "Duplicate subscription name" in message
    await sdk.refused(409, "already_exists", "update_subscription", other, name="one")


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_source", "source_not_found"),
        ("get_topic", "topic_not_found"),
        ("get_destination", "destination_not_found"),
        ("get_subscription", "subscription_not_found"),
        ("get_notifications_status", "event_not_found"),
    ],
)
async def test_what_is_not_there_is_a_404_with_a_message(sdk: Sdk, operation: str, code: str):
    for odd in (NOWHERE, f"{NOWHERE}:api", "crn:v1:bluemix:public:is:us-south:a/1::backup-policy:"):
        assert "there is no" in await sdk.refused(404, code, operation, odd)


async def test_without_a_valid_key_the_sdk_gets_nothing(shared_gateway: GatewayProcess, instance: str):
    for authenticator in (NoAuthAuthenticator(), BearerTokenAuthenticator("tcs_0123456789abcdef_wrong")):
        nobody = Sdk(shared_gateway.url, authenticator, instance)
        await nobody.refused(401, "unauthorized", "list_sources")
        nobody.close()


async def test_the_first_instance_is_also_called_default(shared_gateway: GatewayProcess):
    sdk = Sdk(shared_gateway.url, BearerTokenAuthenticator(ADMIN_KEY), "default")
    source = await new_source(sdk)
    read = (await sdk.call("get_source", source)).get_result()
    by_id = Sdk(
        shared_gateway.url,
        BearerTokenAuthenticator(ADMIN_KEY),
        read["event_notifications_instance_crn"].split(":")[7],
    )
    assert len(by_id.instance) == 36 and (await by_id.call("get_source", source)).get_result() == read
    sdk.close()
    by_id.close()
