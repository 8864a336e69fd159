"""One venue's public data through ccxt, checked and converted to coins, USD and UTC."""
