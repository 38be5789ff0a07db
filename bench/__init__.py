"""Speed, as ratios to floors measured in the same run: `make bench`.

Floors: S is a bare aiohttp server answering 202, C a bare aiohttp client posting. The process under test
runs on one core, everything that drives it on the other; what counts is its CPU time per event, all
threads, from the kernel's accounting. Absolute figures depend on the machine; ratios travel.
"""
