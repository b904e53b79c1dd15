#!/usr/bin/env bash
# Batch: which of these labels fits each photo? The labels stand in the first row of the input's table.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--labels "a hat, a shoe"] [--output FOLDER]
set -euo pipefail
MODEL=openai-clip-vit-base-patch32
DATA=$(dirname "$0")/../../photos/clothing/test
LABELS="a hat, a jacket, trousers, shoes, a skirt, a t-shirt"
source "$(dirname "$0")/../options.sh"

# 1. A table of photos, and beside the first the labels to choose from.
mkdir -p "$OUTPUT/input"
python ../../write_request.py "$DATA" "$OUTPUT/input/photos.csv" --photos "$OUTPUT/photos.txt" --count 60 --text "$LABELS"

# 2. An endpoint for batches, and the model behind it.
trap 'tintype batch-endpoint delete --name "$ENDPOINT" --yes' EXIT
tintype batch-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype batch-deployment create --file deployment.yml --set-default --output none \
    --set endpoint_name="$ENDPOINT" model="$MODEL"

# 3. A job that scores every row, and its output.
job=$(tintype batch-endpoint invoke --name "$ENDPOINT" --input "$OUTPUT/input" --query name --output tsv)
tintype job stream --name "$job"
scoring=$(tintype job list --parent-job-name "$job" --query "[0].name" --output tsv)
tintype job download --name "$scoring" --output-name score --download-path "$OUTPUT"
score=$OUTPUT/named-outputs/score
wc -l "$score/predictions.csv"

# 4. The picture: some of the photos with a bar for each label.
python ../../draw.py labels "$OUTPUT/picture.png" --answer "$score/predictions.csv" --photos "$OUTPUT/photos.txt"
