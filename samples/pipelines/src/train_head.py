"""A logistic regression on tiny versions of photos: quick, so that a sweep has something to search."""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path, required=True)
parser.add_argument("--C", type=float, required=True)
parser.add_argument("--model", type=Path, required=True)
given = parser.parse_args()

files = sorted(path for path in given.data.rglob("*") if path.suffix in (".jpg", ".png"))
pixels = [np.asarray(Image.open(path).convert("RGB").resize((12, 12))).ravel() for path in files]
labels = [path.parent.name for path in files]
head = LogisticRegression(C=given.C, max_iter=300)
features = np.stack(pixels) / 255
accuracy = float(cross_val_score(head, features, labels, cv=3).mean())
MlflowClient().log_metric(os.environ["MLFLOW_RUN_ID"], "accuracy", accuracy)
head.fit(features, labels)
weights = {"classes": head.classes_.tolist(), "C": given.C, "accuracy": accuracy}
Path(given.model, "head.json").write_text(json.dumps(weights) + "\n", "utf-8")
np.savez(given.model / "head.npz", weights=head.coef_, bias=head.intercept_)
print(f"C {given.C:.4g}: accuracy {accuracy:.4f} on {len(files)} photos")
