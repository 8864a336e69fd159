"""The venues' wire formats, one module a venue."""
