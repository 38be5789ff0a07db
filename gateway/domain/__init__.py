"""Pure values and their laws: what an event, a source, a topic, a delivery *is*.

Nothing here does input or output, reads a clock or imports anything but the standard library.

Values are frozen dataclasses; those that are made for every event or delivery are named tuples, which
take a third of the time to make (measured).
"""
