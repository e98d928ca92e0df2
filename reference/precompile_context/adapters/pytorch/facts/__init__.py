"""What compiled artifacts of torch depend on, and what rules caching out."""
