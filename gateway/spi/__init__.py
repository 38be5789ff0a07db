"""What an adapter author sees, and nothing more.

`destination` and `source_format` are what an adapter implements; `message` is what a destination gets to
say; `transport` and `outcome` are how it says it and how that ended; `cloudevents` is the wire codec;
`discovery` finds adapters by entry point, so that nothing in the gateway names one.
"""
