"""Programs with models as people use them, cold and warm; `make models` runs them."""
