"""`tocsin quickstart`: the commands to begin with, in words that work in this shell."""

from __future__ import annotations

import os
import sys

from gateway.cli.first_steps import first_steps, own_name
from gateway.cli.places import data_folder

FOR_KEEPS = """To keep it that way, step by step:

  {tocsin} key create --source nightly                          # what the sender sends with
  {tocsin} topic create --name failures --source nightly --rule 'severity >= error'
  {tocsin} destination create webhook --name hook --url https://example.com/hook
  {tocsin} destination create email --name mail --host mail.example.com --from-address tocsin@example.com \\
      --user tocsin --password env:MAIL_PASSWORD
  {tocsin} destination test hook
  {tocsin} subscription create --name "hook gets failures" --topic failures --destination hook
  {tocsin} subscription create --name "ops get mail" --topic failures --destination mail --to ops@example.com
"""


def quickstart() -> None:
    """Print the commands from nothing to a delivered event. Nothing is run."""
    if not os.environ.get("TOCSIN_URL") and not (data_folder() / "url").exists():
        sys.stdout.write(f"Start a gateway, and leave it running:\n\n  {own_name()} serve ")
        sys.stdout.write("--allow-networks 127.0.0.0/8,::1/128\n")
    sys.stdout.write(first_steps(data_folder(), loopback_is_open=True))
    sys.stdout.write(FOR_KEEPS.format(tocsin=own_name()))
