"""Whether the estimate is right: scoring against liquidations, calibration, zone touches."""
