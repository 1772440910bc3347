"""Slew's shared library: all of telescope follow-up triggering that is not particular to one facility."""

import gc
import os

__version__ = "0.1.0"

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # While modules are imported there is no garbage, and Python looks for it for some 30 ms: `slew.startup`
    # turns the search on again when the first event comes.
    gc.disable()
