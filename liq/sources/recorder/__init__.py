"""Record the venues' public liquidation streams to disk, and read them back."""
