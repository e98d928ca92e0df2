"""Small programs that compile models of transformers and diffusers; none knows of bundles."""
