"""Tests of the venues, through real ccxt and real sockets."""
