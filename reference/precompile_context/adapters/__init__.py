"""From compilers' own caches to artifacts and back; a compiler is imported when it is used."""
