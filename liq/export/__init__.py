"""Files of an estimate: CSV, JSON, Parquet and Pine Script."""
