#!/usr/bin/env bash
# Evaluation, several labels a photo: how often is a model right about photos that it has not seen?
#
#   ./run.sh [--model NAME] [--data FOLDER] [--output FOLDER] [--set KEY=VALUE ...]
#   ./run.sh --as-is --model azureml:cards@latest       a model of your own, which knows the labels
set -euo pipefail
MODEL=microsoft-beit-base-patch16-224-pt22k-ft22k
DATA=$(dirname "$0")/../../photos/cards
source "$(dirname "$0")/../options.sh"

# 1. A published checkpoint does not know these labels: a linear layer learns them first, in a minute.
if [ -z "$AS_IS" ]; then
    job=$(tintype job create --file linear-layer.yml --query name --output tsv \
        --set model_name="$MODEL" training_data.path="$DATA")
    tintype job stream --name "$job"
    MODEL=azureml://jobs/$job/outputs/artifacts/paths/outputs/mlflow-model/
fi

# 2. Evaluate on the test split.
evaluation=$(tintype job create --file evaluation.yml --query name --output tsv \
    --set model="$MODEL" test_data.path="$DATA" "${SETTINGS[@]}")
tintype job stream --name "$evaluation"
tintype job show --name "$evaluation" --query metrics

# 3. The report: metrics.json, evaluation.html, curves.
tintype job download --name "$evaluation" --download-path "$OUTPUT"
report=$OUTPUT/artifacts/outputs/evaluation

# 4. The pictures: what was taken for what, and the photos that the model was most wrong about.
cp "$report/confusion_matrix.png" "$OUTPUT/confusion_matrix.png"
python ../../draw.py mistakes "$OUTPUT/picture.png" --evaluation "$report" --data "$DATA"
