"""A BERT classifier under transformers' Trainer, with `torch_compile`."""

import tempfile
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = BertConfig(
    vocab_size=256,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_labels=3,
)
rows: list[dict[str, Any]] = [
    {"input_ids": torch.randint(256, (16,)), "labels": number % 3} for number in range(8)
]
with tempfile.TemporaryDirectory() as place:
    arguments = TrainingArguments(
        output_dir=place,
        torch_compile=True,
        use_cpu=True,
        max_steps=2,
        per_device_train_batch_size=4,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    trainer = Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows)
    trainer.remove_callback(PrinterCallback)  # it prints seconds
    done = trainer.train()
print("loss", round(done.training_loss, 3))
print("bits", bits(trainer.model.parameters()))
