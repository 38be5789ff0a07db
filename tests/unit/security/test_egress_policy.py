"""Which addresses may be dialled, and what the refusal says."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import ConfigurationError
from gateway.security.egress import WEB_SERVICES, BlockedAddress, EgressPolicy

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450::1",
    "3ffe:ffff::1",
]

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
]

UNREADABLE = [
    "",
    "localhost",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1 ",
    "fe80::1%eth0",
    "::1%1",
]


def allowed(policy: EgressPolicy, address: str, port: int = 443) -> bool:
    try:
        policy.check(address, port, WEB_SERVICES)
    except BlockedAddress:
        return False
    return True


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_dialled(address):
    assert EgressPolicy().check(address, 443, WEB_SERVICES) == address


@pytest.mark.parametrize("address", REFUSED + METADATA)
def test_special_addresses_are_refused(address):
    assert not allowed(EgressPolicy(), address)


@pytest.mark.parametrize("address", UNREADABLE)
def test_what_is_no_address_is_refused_and_nothing_can_allow_it(address):
    everything = EgressPolicy.parse("0.0.0.0/0,[::]/0")
    with pytest.raises(BlockedAddress, match="no setting allows it") as refusal:
        everything.check(address, 443, WEB_SERVICES)
    assert refusal.value.entry == ""


@pytest.mark.parametrize("address", METADATA)
def test_metadata_addresses_stay_refused_inside_any_range_and_open_one_by_one(address):
    wide = EgressPolicy.parse("0.0.0.0/0, [::]/0, 169.254.169.254/31, [fd00:ec2::254]/127")
    with pytest.raises(BlockedAddress, match="metadata") as refusal:
        wide.check(address, 80, WEB_SERVICES)
    assert allowed(EgressPolicy.parse(refusal.value.entry), address, 80)


@pytest.mark.parametrize("address", REFUSED)
def test_the_entry_that_a_refusal_names_opens_that_address_and_port_and_nothing_else(address):
    with pytest.raises(BlockedAddress) as refusal:
        EgressPolicy().check(address, 9000)
    assert f"TOCSIN_ALLOW_NETWORKS={refusal.value.entry}" in str(refusal.value)
    opened = EgressPolicy.parse(refusal.value.entry)
    assert allowed(opened, address, 9000)
    assert not allowed(opened, address, 9001)
    assert not allowed(opened, "10.9.9.9", 9000)


def test_a_refusal_reads_as_one_line_to_copy():
    with pytest.raises(BlockedAddress) as refusal:
        EgressPolicy().check("127.0.0.1", 9000, WEB_SERVICES)
    assert str(refusal.value) == (
        "not a public address: 127.0.0.1:9000 is refused;"
        " to allow it: TOCSIN_ALLOW_NETWORKS=127.0.0.1/32:9000"
    )
    with pytest.raises(
        BlockedAddress, match=r"\[::1\]:9000 is refused.*TOCSIN_ALLOW_NETWORKS=\[::1\]/128:9000$"
    ):
        EgressPolicy().check("::1", 9000, WEB_SERVICES)


def test_a_mapped_address_is_dialled_as_the_ipv4_address_that_was_checked():
    assert EgressPolicy().check("::ffff:8.8.8.8", 443, WEB_SERVICES) == "8.8.8.8"
    assert EgressPolicy.parse("10.0.0.0/8").check("::ffff:a00:1", 443) == "10.0.0.1"


@pytest.mark.parametrize("port", [22, 25, 81, 1023])
def test_low_ports_of_public_hosts_are_refused_unless_listed(port):
    with pytest.raises(BlockedAddress, match=f"port {port} is not one of 80, 443 or 1024 and above"):
        EgressPolicy().check("8.8.8.8", port, WEB_SERVICES)
    assert allowed(EgressPolicy.parse(f"8.8.8.8/32:{port}"), "8.8.8.8", port)


@pytest.mark.parametrize("port", [80, 443, 1024, 8443, 65535])
def test_web_ports_of_public_hosts_are_open(port):
    assert allowed(EgressPolicy(), "8.8.8.8", port)


def test_an_entry_without_port_opens_every_port():
    policy = EgressPolicy.parse("10.0.0.0/8")
    assert allowed(policy, "10.1.2.3", 22)
    assert allowed(policy, "10.1.2.3", 9000)
    assert not allowed(policy, "11.1.2.3", 22)


def test_the_setting_takes_ranges_ports_single_addresses_and_spaces():
    policy = EgressPolicy.parse(
        " 10.0.0.0/8,192.168.1.5/32:8080, [fd00::]/8:443 ,, fc00::/8:80, 127.0.0.1,[::1]/128 "
    )
    assert allowed(policy, "10.0.0.1", 1)
    assert allowed(policy, "192.168.1.5", 8080)
    assert not allowed(policy, "192.168.1.5", 8081)
    assert allowed(policy, "fd00::1", 443)
    assert not allowed(policy, "fd00::1", 80)
    assert allowed(policy, "fc00::1", 80)
    assert allowed(policy, "127.0.0.1", 9000)
    assert allowed(policy, "::1", 9000)


def test_an_empty_setting_opens_nothing():
    assert EgressPolicy.parse("") == EgressPolicy.parse(" , ") == EgressPolicy()


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("10.0.0.5/8", "10.0.0.0/8"),
        ("10.0.0.0/33", "no network"),
        ("localhost", "no network"),
        ("example.com:80", "no network"),
        ("10.0.0.1:80", "no network"),
        ("10.0.0.0/8:0", "ports are 1 to 65535"),
        ("10.0.0.0/8:70000", "ports are 1 to 65535"),
        ("10.0.0.0/8:http", "write 10.0.0.0/8"),
        ("[fd00::/8", "write 10.0.0.0/8"),
        ("[::ffff:10.0.0.0]/104", "IPv4 range"),
        ("*", "no network"),
        ("10.0.0.0/255.0.0.0", "write 10.0.0.0/8"),
    ],
)
def test_a_misspelt_entry_is_named_with_its_remedy(text, remedy):
    with pytest.raises(ConfigurationError, match="TOCSIN_ALLOW_NETWORKS") as error:
        EgressPolicy.parse(f"127.0.0.0/8, {text}")
    assert text in str(error.value)
    assert remedy in str(error.value)
    assert "\n" not in str(error.value)


@given(st.ip_addresses())
def test_whatever_is_open_by_default_is_global_unicast_by_the_standard_library_too(address):
    if allowed(EgressPolicy(), str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_private


@given(st.ip_addresses(v=4))
def test_an_embedded_ipv4_address_opens_nothing_that_is_not_open_itself(address):
    value = int(address)
    for embedding in (
        ipaddress.IPv6Address(0xFFFF << 32 | value),
        ipaddress.IPv6Address(value),
        ipaddress.IPv6Address(0x64FF9B << 96 | value),
        ipaddress.IPv6Address(0x2002 << 112 | value << 80),
    ):
        assert allowed(EgressPolicy(), str(address)) or not allowed(EgressPolicy(), str(embedding))


@given(st.text(max_size=60))
def test_any_setting_parses_or_is_a_configuration_error(text):
    try:
        EgressPolicy.parse(text)
    except ConfigurationError as error:
        assert len(str(error)) < 400
