"""From a CSV file to an answer: run the pipeline on a log of your own, serve the model, and ask it.

    .venv/bin/python examples/own_log.py runs/example

The script writes a small log and its configuration into the folder, and runs the pipeline there. To use your own log,
change `CONFIG`: the path, the columns and the format of the times.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from serving.server.client import Client
from serving.server.server import ModelServer

CONFIG = """
name: example-shop
data:
  path: {folder}/orders.csv
  columns: {{user: customer, item: sku, timestamp: ordered_at}}
  timestamp: {{format: "%Y-%m-%d %H:%M"}}
model: {{dim: 32, encoder: {{units: 32}}}}
train: {{epochs: 4, learning_rate: 0.01, warmup_steps: 10}}
evaluate: {{gate: {{beat: [popularity]}}}}
"""


def write_log(path: Path) -> None:
    """Write orders of 200 customers. Product 7 is usually ordered after product 0, product 8 after product 1."""
    draw = random.Random(1)
    lines = ["customer,sku,ordered_at"]
    for customer in range(200):
        sku = draw.randrange(50)
        for day in range(1, 13):
            lines.append(f"c{customer},p{sku},2024-05-{day:02} {draw.randrange(24):02}:30")
            sku = draw.randrange(50) if draw.random() < 0.1 else (sku + 7) % 50
    path.write_text("\n".join(lines) + "\n")


def main(folder: Path) -> None:
    """Write the log, run the pipeline, serve the pushed model, and print its recommendations."""
    folder.mkdir(parents=True, exist_ok=True)
    write_log(folder / "orders.csv")
    (folder / "shop.yaml").write_text(CONFIG.format(folder=folder))
    temporec = Path(sys.executable).with_name("temporec")
    subprocess.run([temporec, "run", "--config", folder / "shop.yaml", "--root", folder / "root"], check=True)
    with ModelServer(folder / "root" / "models") as server, Client(f"localhost:{server.port}") as client:
        (answer,) = client.recommend([["p0", "p7", "p14"]], k=3)
    print(f"after p0, p7, p14: {', '.join(answer.item_ids)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
