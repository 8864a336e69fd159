"""Validation against real positions: where they stand, what leverage they show, how long they survive."""
