"""Use cases: what the API, the dashboard and the process itself may do, one file per noun.

A service decides on the newest snapshot, applies the change with compare-and-set, and has the new
snapshot in force before it answers.
"""
