"""`python -m mutants NAME`: a testee that is the reference with one check taken out."""

import sys

from mutants.every import by_id
from mutants.mutant import install

if __name__ == "__main__":
    install(by_id()[sys.argv[1]])
    from testees.reference.serve import serve

    serve()
