"""`tocsin demo`: a real gateway between a real sender and real receivers, and a verdict on what arrived.

command.py       the command              performance.py   all of it in order, within a minute
seed.py          what IBM documents: the registration, the sample event, the mail, the table of failures
receivers.py     a mail server and a web server; slack_limits.py makes its chat as strict as Slack
process.py       the gateway, in a process and a folder of its own
story.py         what is set up and what is sent
verdict.py       what arrived, held against the ledger
report.py        what is printed
"""
