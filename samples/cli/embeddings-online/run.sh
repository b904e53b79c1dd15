#!/usr/bin/env bash
# Real time: photos as numbers (embeddings), which lie close together where the photos look alike.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--output FOLDER]
set -euo pipefail
MODEL=Facebook-DinoV2-Image-Embeddings-ViT-Base
DATA=$(dirname "$0")/../../photos/clothing/test
source "$(dirname "$0")/../options.sh"

# 1. Some photos, in the request that the endpoint takes.
python ../../write_request.py "$DATA" "$OUTPUT/request.json" --photos "$OUTPUT/photos.txt" --count 48

# 2. An endpoint, and the model behind it.
delete_endpoint_at_exit
tintype online-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype online-deployment create --file deployment.yml --all-traffic --output none \
    --set endpoint_name="$ENDPOINT" model="$MODEL"

# 3. Ask: one list of numbers, image_features, for each photo.
tintype online-endpoint invoke --name "$ENDPOINT" --request-file "$OUTPUT/request.json" > "$OUTPUT/answer.json"

# 4. The picture: a map on which photos that look alike to the model lie close together.
python ../../draw.py map "$OUTPUT/picture.png" --answer "$OUTPUT/answer.json" --photos "$OUTPUT/photos.txt"
