"""Days of the past: candles and open interest of Binance's public archive, first days of a month of liquidations."""
