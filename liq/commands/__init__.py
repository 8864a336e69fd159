"""The commands of `python -m liq`, one room each: `arguments(parser)` says what it takes, `run(asked)` does it."""
