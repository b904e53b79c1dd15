#!/usr/bin/env bash
# Real time: what do photos show? An endpoint with a published classifier, asked over HTTP with a key.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--output FOLDER]
set -euo pipefail
MODEL=microsoft-beit-base-patch16-224-pt22k-ft22k
DATA=$(dirname "$0")/../../photos/clothing/test
source "$(dirname "$0")/../options.sh"

# 1. Some photos, in the request that the endpoint takes.
python ../../write_request.py "$DATA" "$OUTPUT/request.json" --photos "$OUTPUT/photos.txt"

# 2. An endpoint, and the model behind it.
delete_endpoint_at_exit
tintype online-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype online-deployment create --file deployment.yml --all-traffic --output none \
    --set endpoint_name="$ENDPOINT" model="$MODEL"

# 3. Ask.
tintype online-endpoint invoke --name "$ENDPOINT" --request-file "$OUTPUT/request.json" > "$OUTPUT/answer.json"

# 4. The picture: each photo with its likeliest labels.
python ../../draw.py labels "$OUTPUT/picture.png" --answer "$OUTPUT/answer.json" --photos "$OUTPUT/photos.txt"
