"""Markets and liquidations read from files: CSV, CSV.gz and Parquet."""
