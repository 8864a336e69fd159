"""The heatmap chart: its data, image, layers, readout and PNG."""
