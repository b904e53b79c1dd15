#!/usr/bin/env bash
# Batch: what does each photo of a folder show? Any number of photos, one row each in a CSV.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--output FOLDER]
set -euo pipefail
MODEL=microsoft-beit-base-patch16-224-pt22k-ft22k
DATA=$(dirname "$0")/../../photos/clothing/test
source "$(dirname "$0")/../options.sh"

# 1. An endpoint for batches, and the model behind it.
trap 'tintype batch-endpoint delete --name "$ENDPOINT" --yes' EXIT
tintype batch-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype batch-deployment create --file deployment.yml --set-default --output none \
    --set endpoint_name="$ENDPOINT" model="$MODEL"

# 2. A job that scores every photo of the folder, and its output.
job=$(tintype batch-endpoint invoke --name "$ENDPOINT" --input "$DATA" --query name --output tsv)
tintype job stream --name "$job"
scoring=$(tintype job list --parent-job-name "$job" --query "[0].name" --output tsv)
tintype job download --name "$scoring" --output-name score --download-path "$OUTPUT"
score=$OUTPUT/named-outputs/score
wc -l "$score/predictions.csv"

# 3. The picture: some of the photos with their likeliest labels.
python ../../draw.py labels "$OUTPUT/picture.png" --answer "$score/predictions.csv" --photos "$DATA"
