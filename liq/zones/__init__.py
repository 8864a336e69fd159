"""What stands out in a heatmap: zones, their details, notes, events and alerts."""
