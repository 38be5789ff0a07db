"""MQTT, with a real broker: log-ins, permissions, TLS, topics, limits, and connections that go away."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager

import pytest
from pydantic import ValidationError

from adapters.destinations.mqtt import Mqtt, MqttAddress, MqttConfig
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.cloudevents import structured
from gateway.spi.destination import Endpoint
from gateway.spi.outcome import DeliveryFailed, Reason
from tests.fakes.golden import assert_golden
from tests.fakes.messages import DELIVERY_ID, make_message
from tests.fakes.mosquitto import Listener, Mosquitto, Scripted
from tests.fakes.relay import Relay
from tests.waiting import until

OPEN = "allow_anonymous true"


@pytest.fixture
def broker_of(tmp_path):
    def made(more=OPEN):
        folder = tmp_path / f"broker-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return Mosquitto(folder, more)

    return made


@asynccontextmanager
async def adapter(url, tools, **settings):
    destination = Mqtt(MqttConfig(url=url, **settings), tools)
    try:
        yield destination
    finally:
        await destination.close()


def url_of(server) -> str:
    return f"mqtt://127.0.0.1:{server.port}"


async def failure(destination, message=None) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await destination.deliver(message or make_message(data={}), MqttAddress())
    return failed.value


MESSAGES = {
    "failure": make_message(
        severity=Severity.ERROR,
        outcome=Outcome.FAILED,
        data={"title": "Backup of db-1 failed", "size": 12345678901234567890},
        attributes={"subject": "db 1 %", "datacontenttype": "application/json", "attempt": 3},
    ),
    "recovery": make_message(
        outcome=Outcome.OK, data={"title": "db-1 is back"}, attributes={"type": "backup.succeeded"}
    ),
    "hostile": make_message(
        data={"title": "x\u202e"},
        attributes={"type": "a/+/# $SYS\u2028\u00e9", "subject": '\u202e\u0430 "%"'},
    ),
    "bare": make_message(),
}


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize("name", MESSAGES)
async def test_what_a_listener_gets_is_as_in_the_golden_file(broker_of, tools, mode, name):
    async with (
        broker_of() as broker,
        Listener(broker.port, "tocsin/#") as listener,
        adapter(url_of(broker), tools, mode=mode) as destination,
    ):
        receipt = await destination.deliver(MESSAGES[name], MqttAddress())
        await until(lambda: bool(listener.messages))
    (got,) = listener.messages
    assert (receipt.code, got.qos, got.retain) == ("0x00", 1, False)
    assert got.properties.CorrelationData.decode() == DELIVERY_ID
    shown = {
        "topic": got.topic,
        "content_type": got.properties.ContentType,
        "user_properties": dict(getattr(got.properties, "UserProperty", [])),
        "payload": got.payload.decode(),
    }
    assert_golden(
        f"mqtt/{name}-{mode}.json", (json.dumps(shown, indent=2, ensure_ascii=False) + "\n").encode()
    )
    if mode == "structured":
        assert structured.decode(got.payload) == MESSAGES[name].event


async def test_a_broker_that_knows_of_nobody_who_listens_says_so(broker_of, tools):
    async with broker_of() as broker, adapter(url_of(broker), tools) as destination:
        receipt = await destination.deliver(make_message(), MqttAddress())
    assert receipt.code == "0x10"
    assert "nobody subscribes" in receipt.detail


async def test_a_retained_event_is_there_for_who_comes_later(broker_of, tools):
    async with broker_of() as broker, adapter(url_of(broker), tools, retain=True) as destination:
        await destination.deliver(make_message(), MqttAddress(mqtt_topic="state/{severity}"))
        async with Listener(broker.port, "state/#") as listener:
            await until(lambda: bool(listener.messages))
    assert (listener.messages[0].topic, listener.messages[0].retain) == ("state/info", True)


async def test_a_user_logs_in_and_a_wrong_one_does_not(broker_of, tools):
    broker = broker_of()
    file = broker.passwords("gateway:pw-s3cret\n")
    broker._more = f"password_file {file}"
    async with broker:
        async with adapter(url_of(broker), tools, user="gateway", password="pw-s3cret") as destination:
            await destination.deliver(make_message(), MqttAddress())
        for wrong in ({"user": "gateway", "password": "wr0ng-s3cret"}, {"user": "other"}, {}):
            async with adapter(url_of(broker), tools, **wrong) as destination:
                failed = await failure(destination)
                assert failed.reason is Reason.UNAUTHORIZED
                assert "wr0ng" not in failed.detail


async def test_a_topic_that_the_user_may_not_publish_to_is_no_silent_success(broker_of, tools):
    broker = broker_of()
    rights = broker.folder / "rights"
    rights.write_text("topic write allowed/#\n")
    broker._more = f"{OPEN}\nacl_file {rights}"
    async with broker, adapter(url_of(broker), tools) as destination:
        failed = await failure(destination)
        assert failed.reason is Reason.UNAUTHORIZED
        assert "0x87" in failed.detail
        await destination.deliver(make_message(), MqttAddress(mqtt_topic="allowed/{type}"))


async def test_what_is_over_the_broker_s_limit_is_rejected_and_breaks_no_connection(broker_of, tools):
    async with broker_of(f"{OPEN}\nmax_packet_size 2000") as broker, Relay(broker.port) as relay:
        async with adapter(url_of(relay), tools) as destination:
            await destination.deliver(make_message(), MqttAddress())
            failed = await failure(destination, make_message(data={"x": "y" * 2000}))
            await destination.deliver(make_message(), MqttAddress())
        assert relay.connections == 1
    assert failed.reason is Reason.REJECTED
    assert "limit of 2000" in failed.detail


async def test_no_more_is_under_way_than_the_broker_takes(broker_of, tools):
    async with broker_of(f"{OPEN}\nmax_inflight_messages 2") as broker:
        async with Listener(broker.port, "tocsin/#") as listener:
            async with adapter(url_of(broker), tools) as destination:
                sending = (destination.deliver(make_message(), MqttAddress()) for _ in range(50))
                receipts = await asyncio.gather(*sending)
                await until(lambda: len(listener.messages) == 50)
    assert {receipt.code for receipt in receipts} == {"0x00"}


async def test_tls_is_spoken_with_a_broker_that_proves_its_name(broker_of, tools, authority):
    file = authority.certificate("mqtt.example")
    async with broker_of(f"{OPEN}\ncertfile {file}\nkeyfile {file}") as broker:
        async with adapter(f"mqtts://mqtt.example:{broker.port}", tools) as destination:
            large = make_message(data={"x": "y" * 300_000})
            sending = (destination.deliver(large, MqttAddress()) for _ in range(5))
            assert len(await asyncio.gather(*sending)) == 5
        async with adapter(f"mqtts://other.example:{broker.port}", tools) as destination:
            failed = await failure(destination)
    assert failed.reason is Reason.TLS
    assert "certificate" in failed.detail


async def test_a_broker_that_speaks_no_tls_gets_nothing(broker_of, tools):
    async with broker_of() as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        async with adapter(url, tools, user="gateway", password="pw") as destination:
            assert (await failure(destination)).reason in {Reason.TLS, Reason.UNAVAILABLE}


async def test_one_connection_serves_all_and_a_new_one_follows_a_lost_one(broker_of, tools):
    async with broker_of() as broker, Relay(broker.port) as relay:
        async with adapter(url_of(relay), tools) as destination:
            await asyncio.gather(*(destination.deliver(make_message(), MqttAddress()) for _ in range(20)))
            assert relay.connections == 1
            relay.drop()
            known = destination._connection
            await until(known.lost.done)
            await destination.deliver(make_message(), MqttAddress())
            assert relay.connections == 2


async def test_a_message_that_a_broker_leaves_over_is_blamed_only_if_it_was_alone(tools):
    async with Relay(1) as relay:
        relay.script = Scripted(puback=0x95, acknowledge=False)
        async with adapter(url_of(relay), tools) as destination:
            assert (await failure(destination)).reason is Reason.REJECTED
        async with adapter(url_of(relay), tools) as destination:
            both = await asyncio.gather(failure(destination), failure(destination))
    assert {one.reason for one in both} == {Reason.AMBIGUOUS}


async def test_what_found_no_place_with_a_busy_broker_was_not_sent(tools):
    async with Relay(1) as relay:
        relay.script = Scripted(acknowledge=None, at_once=1)
        async with adapter(url_of(relay), tools) as destination:
            type(destination).timeout, usual = 1.0, type(destination).timeout
            try:
                both = await asyncio.gather(failure(destination), failure(destination))
            finally:
                type(destination).timeout = usual
    assert {one.reason for one in both} == {Reason.AMBIGUOUS, Reason.TIMEOUT}
    assert relay.script.published == 1


async def test_what_is_no_broker_is_told(tools):
    async def speak_http(reader, writer):
        await reader.read(1024)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read(1024)

    async with Relay(1) as relay:
        relay.script = speak_http
        async with adapter(url_of(relay), tools) as destination:
            type(destination).timeout, usual = 1.0, type(destination).timeout
            try:
                failed = await failure(destination)
            finally:
                type(destination).timeout = usual
    assert failed.reason in {Reason.UNAVAILABLE, Reason.TIMEOUT}
    assert relay.connections == 1


async def test_a_handshake_that_does_not_end_is_a_timeout_and_leaves_no_socket(tools):
    async def hang(reader, writer):
        await reader.read()

    async with Relay(1) as relay:
        relay.script = hang
        async with adapter(f"mqtts://127.0.0.1:{relay.port}", tools) as destination:
            type(destination).timeout, usual = 0.3, type(destination).timeout
            try:
                failed = await failure(destination)
            finally:
                type(destination).timeout = usual
        await until(lambda: not relay._open)
    assert failed.reason is Reason.TIMEOUT


# Settings


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"url": "http://127.0.0.1"}, "mqtt://host:port"),
        ({"url": "mqtt://user:pw@127.0.0.1"}, "mqtt://host:port"),
        ({"url": "mqtt://127.0.0.1:0"}, "mqtt://host:port"),
        ({"password": "pw"}, "needs a user"),
        ({"topic": "tocsin/#"}, "letters, digits"),
        ({"topic": "/tocsin"}, "letters, digits"),
        ({"topic": "$SYS/x"}, "letters, digits"),
        ({"topic": "tocsin/{secret}"}, "there is no field"),
        ({"client_id": "a b"}, "client_id"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, fault):
    with pytest.raises(ValidationError, match=fault):
        MqttConfig(**{"url": "mqtt://127.0.0.1", **settings})


def test_the_port_is_known_to_the_guard():
    assert MqttConfig(url="mqtt://b.example").endpoints() == (Endpoint("b.example", 1883),)
    assert MqttConfig(url="mqtts://b.example").endpoints() == (Endpoint("b.example", 8883),)


def test_a_password_without_tls_is_warned_of():
    assert MqttConfig(url="mqtt://b.example", user="u", password="p").warnings()
    assert not MqttConfig(url="mqtts://b.example", user="u", password="p").warnings()


async def test_without_the_extra_it_says_what_to_install(tools, monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    async with adapter("mqtt://127.0.0.1:1", tools) as destination:
        failed = await failure(destination)
        with pytest.raises(DeliveryFailed, match="pip install"):
            await destination.prepare()
    assert failed.reason is Reason.MISCONFIGURED
    assert "pip install 'tocsin[mqtt]'" in failed.detail
