"""Every command by name, and what an error becomes: an exit code and a line or a few on stderr.

Exit codes: 0 done, 1 refused or not delivered, 2 wrong usage or configuration, 3 no gateway there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Group

from gateway import __version__
from gateway.cli.panels import CONFIGURE, FOLLOW, OPTIONS, RUN, SEND
from gateway.domain.errors import ConfigurationError, Refused, TocsinError

OK, REFUSED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130

app = App(
    name="tocsin",
    help="An event gateway for backup services: every event on disk before it is accepted, every try kept.",
    help_epilogue="Begin with `tocsin demo` or `tocsin quickstart`. Exit codes: 0 done, 1 refused or not "
    "delivered, 2 wrong usage or configuration, 3 no gateway there.",
    version=__version__,
    help_format="plaintext",
    group_parameters=OPTIONS,
    version_flags=["--version"],
)
app["--help"].group = app["--version"].group = OPTIONS

SERVE_NOTE = (
    "Every option is also an environment variable (--data-dir is TOCSIN_DATA_DIR) and a line of the file "
    "that TOCSIN_CONFIG names. Secrets have no option, see `tocsin settings`.\n\n"
    "SIGINT or SIGTERM stops it: nothing more is taken, deliveries under way may finish. A second signal "
    "ends it at once."
)

COMMANDS: tuple[tuple[str, str, Group, str], ...] = (
    (
        "demo",
        "demo.command:demo",
        RUN,
        "Show everything at work, with real events and receivers, and check it.",
    ),
    ("serve", "serve:serve", RUN, "Run a gateway."),
    ("migrate", "migrate:migrate", RUN, "Bring the schema of the store up to date."),
    ("backup", "backup:backup", RUN, "Copy the store into a file, while it is in use."),
    ("restore", "backup:restore", RUN, "Put a copy in the place of the store."),
    ("settings", "show_settings:settings", RUN, "Every setting, its value and where that comes from."),
    ("quickstart", "quickstart:quickstart", SEND, "Print the commands to a first delivered event."),
    ("send", "send:send", SEND, "Send one event."),
    ("listen", "listening.listen:listen", SEND, "Receive webhooks: verify them and print them."),
    ("source", "nouns.source:app", CONFIGURE, "Who sends events."),
    ("topic", "nouns.topic:app", CONFIGURE, "Which events belong together, by rule. Also called group."),
    ("destination", "nouns.destination:app", CONFIGURE, "Where messages go. Also called target."),
    ("subscription", "nouns.subscription:app", CONFIGURE, "Who is told of a topic's events, and where."),
    ("schema", "nouns.schema:app", CONFIGURE, "What events must look like."),
    ("template", "nouns.template:app", CONFIGURE, "How messages look."),
    ("monitor", "nouns.monitor:app", CONFIGURE, "What is expected of events; a silence is an event too."),
    ("silence", "nouns.silence:app", CONFIGURE, "Of what nobody is told for a while, and why."),
    ("preset", "nouns.preset:app", CONFIGURE, "What a product needs to be told of, set up at once."),
    ("key", "nouns.key:app", CONFIGURE, "Who may call."),
    ("inbox", "nouns.event:inbox", FOLLOW, "Every event, newest first."),
    ("event", "nouns.event:app", FOLLOW, "What came in, and what became of it."),
    ("explain", "explain:explain", FOLLOW, "Why an event went where it went, or would go today."),
    ("delivery", "nouns.delivery:app", FOLLOW, "What went out, with every try; dead letters, replay."),
    ("incident", "nouns.incident:app", FOLLOW, "What fails, who has taken it up, who was told."),
    ("node", "nouns.node:app", FOLLOW, "The processes that share a store."),
)
"""Name, place below this package, panel and summary, in the order of `--help`."""

NOTES = {"serve": SERVE_NOTE}
ALIASES = {"group": "topic", "target": "destination"}
"""Words that other systems use for ours (design section 1)."""
PREFIX = "notification"
"""What IBS writes before them: `notification group update`."""

VALUED_SWITCHES = frozenset({"--enabled"})
"""Switches that IBM's command line gives a value: `--enabled true`."""


def _register() -> None:
    for order, (name, place, group, help) in enumerate(COMMANDS):
        # What is an app itself, and not a function, brings its own notes.
        notes = {} if place.startswith("nouns.") else {"help_epilogue": NOTES.get(name, "")}
        app.command(f"gateway.cli.{place}", name=name, group=group, help=help, sort_key=order, **notes)
    app.command("gateway.cli.generated:write", name="schemas", show=False)
    app.command("gateway.cli.worker:worker", name="worker", show=False)


def run(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit code; never raises for what a user can cause."""
    try:
        result = app(_known(arguments), result_action="return_value", exit_on_error=False)
    except CycloptsError:
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except TocsinError as error:
        return _report(error)
    except BrokenPipeError:
        # Whoever read our output has left, as `head` does; there is nobody to tell.
        sys.stderr.close()
        return OK
    return result if isinstance(result, int) else OK


def _known(arguments: Sequence[str]) -> list[str]:
    """The arguments with other systems' words for ours; `--enabled true` and `--url -` each as one word."""
    words = list(arguments)
    if len(words) > 1 and words[0] == PREFIX and words[1] in ALIASES:
        del words[0]
    if words and words[0] in ALIASES:
        words[0] = ALIASES[words[0]]
    known: list[str] = []
    for word in words:
        before = known[-1] if known else ""
        valued = before in VALUED_SWITCHES and word.lower() in ("true", "false")
        if valued or (word == "-" and before.startswith("--") and "=" not in before):
            known[-1] = f"{before}={word.lower()}"
        else:
            known.append(word)
    return known


def _report(error: TocsinError) -> int:
    from gateway.cli.screen import say, show_refusal

    if isinstance(error, Refused):
        show_refusal(error)
        return REFUSED
    say(f"tocsin: {error}")
    return USAGE if isinstance(error, ConfigurationError) else UNREACHABLE


_register()
