"""Puts this process's clock off by FAULTS_CLOCK_SKEW_SECONDS; the machine's own clock stays
right.
"""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["FAULTS_CLOCK_SKEW_SECONDS"]), tick=True).start()
