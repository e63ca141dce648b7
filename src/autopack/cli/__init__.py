"""The command line: parse, call an operation, render."""

import gc

# A command imports some hundred modules and ends within seconds: with the default threshold the collector walks over
# all of them again and again and finds nothing. Set here, since nothing is imported before.
gc.set_threshold(500_000, 20, 50)
