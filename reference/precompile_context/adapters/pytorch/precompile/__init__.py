"""The automatic mode of torch.compile: entries and backends, saved and served by themselves."""
