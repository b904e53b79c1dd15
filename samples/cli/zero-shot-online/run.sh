#!/usr/bin/env bash
# Real time: which of these labels fits? CLIP never learnt them; they come with the request.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--labels "a hat, a shoe"] [--output FOLDER]
set -euo pipefail
MODEL=openai-clip-vit-base-patch32
DATA=$(dirname "$0")/../../photos/clothing/test
LABELS="a hat, a jacket, trousers, shoes, a skirt, a t-shirt"
source "$(dirname "$0")/../options.sh"

# 1. Some photos and the labels to choose from, in the request that the endpoint takes.
python ../../write_request.py "$DATA" "$OUTPUT/request.json" --photos "$OUTPUT/photos.txt" --text "$LABELS"

# 2. An endpoint, and the model behind it.
delete_endpoint_at_exit
tintype online-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype online-deployment create --file deployment.yml --all-traffic --output none \
    --set endpoint_name="$ENDPOINT" model="$MODEL"

# 3. Ask.
tintype online-endpoint invoke --name "$ENDPOINT" --request-file "$OUTPUT/request.json" > "$OUTPUT/answer.json"

# 4. The picture: each photo with a bar for each label.
python ../../draw.py labels "$OUTPUT/picture.png" --answer "$OUTPUT/answer.json" --photos "$OUTPUT/photos.txt"
