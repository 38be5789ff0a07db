"""The kinds of mail: what arrives is read by the standard library's parser."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import SecretStr

from gateway.spi.outcome import Reason
from tests.contracts.rigs.rig import Case, Rig, Said
from tests.fakes import smtp_sink
from tests.fakes.smtp_sink import SmtpSink


class MailRig(Rig):
    """A kind that hands mail to a server."""

    address: ClassVar[dict[str, Any]] = {"invited": ["ops@example.org"]}
    recipient = "ops@example.org"
    user, password = "gateway", "p4ss/w0rd:s3cret"
    cases: ClassVar[dict[str, Case]] = {
        "refused": Case({"CONTENT": "554 5.6.0 not like this"}, Reason.REJECTED),
        "spam": Case({"CONTENT": "554 5.7.1 looks like spam"}, Reason.REJECTED),
        "unauthorized": Case({"AUTH": "535 5.7.8 who are you"}, Reason.UNAUTHORIZED),
        "login_required": Case({"MAIL": "530 5.7.0 log in first"}, Reason.UNAUTHORIZED),
        "relaying_denied": Case({"RCPT": "554 5.7.1 relay access denied"}, Reason.UNAUTHORIZED),
        "not_found": Case({"RCPT": "550 5.1.1 no such user"}, Reason.REJECTED),
        "gone": Case({"RCPT": "550 5.2.1 mailbox disabled"}, Reason.REJECTED),
        "full": Case({"RCPT": "552 5.2.2 mailbox full"}, Reason.UNAVAILABLE, 3600.0),
        "too_large": Case({"MAIL": "552 5.3.4 too big"}, Reason.REJECTED),
        "sender_refused": Case({"MAIL": "553 5.1.8 not this sender"}, Reason.MISCONFIGURED),
        "throttled": Case({"MAIL": "421 4.7.0 too many mails"}, Reason.THROTTLED, 60.0),
        "throttled_late": Case({"CONTENT": "421 4.7.0 too many mails"}, Reason.THROTTLED, 60.0),
        "not_at_home": Case({"CONNECT": "554 go away"}, Reason.MISCONFIGURED),
        "greylisted": Case({"RCPT": "451 4.7.1 come again"}, Reason.UNAVAILABLE, 300.0),
        "server_error": Case({"CONTENT": "451 4.3.0 disk trouble"}, Reason.UNAVAILABLE, 300.0),
        "login_trouble": Case({"AUTH": "454 4.7.0 later"}, Reason.UNAVAILABLE),
        "silent": Case({"CONTENT": smtp_sink.HANG}, Reason.AMBIGUOUS),
        "silent_before": Case({"RCPT": smtp_sink.HANG}, Reason.TIMEOUT),
        "silent_greeting": Case({"CONNECT": smtp_sink.HANG}, Reason.TIMEOUT),
        "reset": Case({"CONTENT": smtp_sink.DROP}, Reason.AMBIGUOUS),
        "reset_before": Case({"DATA": smtp_sink.DROP}, Reason.UNAVAILABLE),
        "no_handshake": Case({"STARTTLS": "454 4.7.0 no TLS now"}, Reason.UNAVAILABLE),
        "tls_refused": Case({"STARTTLS": "554 5.7.3 no TLS ever"}, Reason.TLS),
        "unreachable": Case(None, Reason.UNAVAILABLE),
    }

    async def _start_server(self) -> None:
        context = self.authority.server("127.0.0.1")
        self.sink = SmtpSink(starttls=context, users={self.user: self.password})
        await self._stack.enter_async_context(self.sink)

    def _settings(self) -> dict[str, Any]:
        return self.settings

    async def act(self, case: str) -> None:
        script = self.cases[case].act
        if script is None:
            await self.sink.stop_listening()
        else:
            self.sink.script.update(script)

    def recover(self) -> None:
        self.sink.script.clear()

    def echo(self, text: str) -> None:
        self.sink.script["AUTH"] = f"535 5.7.8 {' '.join(text.split())}"

    async def reached(self) -> None:
        await self.sink.when("CONTENT")

    @property
    def tries(self) -> int:
        return self.sink.commands["CONNECT"]

    @property
    def ids(self) -> list[str]:
        return [mail.message["Message-ID"] for mail in self.sink.mails]

    def said(self) -> Said:
        mail = self.sink.mails[-1]
        assert all(len(line) <= 998 for line in mail.content.split(b"\r\n"))
        assert mail.content.isascii()
        assert mail.message["Subject"].defects == ()
        assert mail.part("html").count("<h1") == 1
        return Said(mail.message["Subject"], mail.part("plain"))


class OwnMailRig(MailRig):
    name = "email"

    def _settings(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.sink.port,
            "user": self.user,
            "password": self.password,
            "from": "Backups <backups@example.org>",
        }


class RelayedMailRig(MailRig):
    name = "smtp_ibm"

    def _relay(self) -> SecretStr:
        return SecretStr(f"smtp://{self.user}:p4ss%2Fw0rd%3As3cret@127.0.0.1:{self.sink.port}")

    @property
    def secrets(self) -> set[str]:
        return {self.password}


class CustomDomainRig(RelayedMailRig):
    name = "smtp_custom"
    settings: ClassVar[dict[str, Any]] = {"domain": "example.org"}
