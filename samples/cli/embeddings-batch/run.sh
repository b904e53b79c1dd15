#!/usr/bin/env bash
# Batch: every photo of a folder as numbers (embeddings), and which photos look alike.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--output FOLDER]
set -euo pipefail
MODEL=Facebook-DinoV2-Image-Embeddings-ViT-Base
DATA=$(dirname "$0")/../../photos/clothing/test
source "$(dirname "$0")/../options.sh"

# 1. An endpoint for batches, and the model behind it.
trap 'tintype batch-endpoint delete --name "$ENDPOINT" --yes' EXIT
tintype batch-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype batch-deployment create --file deployment.yml --set-default --output none \
    --set endpoint_name="$ENDPOINT" model="$MODEL"

# 2. A job that embeds every photo of the folder, and its output.
job=$(tintype batch-endpoint invoke --name "$ENDPOINT" --input "$DATA" --query name --output tsv)
tintype job stream --name "$job"
scoring=$(tintype job list --parent-job-name "$job" --query "[0].name" --output tsv)
tintype job download --name "$scoring" --output-name score --download-path "$OUTPUT"
score=$OUTPUT/named-outputs/score

# 3. The picture: some photos, each with its nearest and their cosines.
python ../../draw.py neighbours "$OUTPUT/picture.png" --embeddings "$score"
echo "Near-duplicates among them: tintype similar $score --duplicates --sheet duplicates.html"
