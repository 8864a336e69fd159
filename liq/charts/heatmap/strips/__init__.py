"""What happened, bar by bar: candles, liquidations and context, as data and as layers under the heat."""
