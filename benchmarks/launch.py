"""Starts one program, waits for it, and writes what it cost; :mod:`benchmarks.timing` runs this file.

A process of its own, and a small one: Linux counts the memory of the process that starts a program into the peak of
what is started, so a bench that holds a registry of 100,000 tags would measure itself. What this one adds is a floor of
some 10 MB under every peak.

    python -I -S launch.py DESCRIPTOR PROGRAM [ARGUMENT …]

writes to the open file DESCRIPTOR: wall seconds, CPU seconds, peak bytes, exit code (negative: the signal).
"""

import os
import sys
import time

descriptor, words = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(descriptor, False)
start = time.perf_counter()
process = os.posix_spawnp(words[0], words, os.environ)
_, status, usage = os.wait4(process, 0)
wall = time.perf_counter() - start
cost = (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status))
os.write(descriptor, " ".join(str(number) for number in cost).encode())
