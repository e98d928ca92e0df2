"""Eight writers of one process, each of which pushes pieces until it is done or killed.

python writers.py STORE FOLDER SEED
"""

import random
import sys
import threading
from pathlib import Path

from precompile_context.stores import Patience, Traffic, open_store, push


def _write(name: str, files: list[Path], lock: threading.Lock) -> None:
    store = open_store(name)
    for file in files:
        push(store, file.read_bytes(), patience=Patience(60.0), traffic=Traffic())
        with lock:
            print(file.name, flush=True)


def main() -> None:
    """Starts them, and ends when they have."""
    name, folder, seed = sys.argv[1:]
    chance, lock = random.Random(int(seed)), threading.Lock()
    files = sorted(Path(folder).glob("key*"))
    threads = [
        threading.Thread(target=_write, args=(name, chance.sample(files, 12), lock), daemon=True)
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
