"""The commands of `liq`, one module each: `arguments(parser)` adds options, `run(args)` executes."""
