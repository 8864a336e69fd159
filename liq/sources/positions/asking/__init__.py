"""Asking accounts: those found so far, the ones that trade first, and a few requests at once."""
