#!/usr/bin/env bash
# AutoML, one label a photo: finds the best model for labelled photos by itself, then serves and asks it.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--output FOLDER] [--set KEY=VALUE ...]
#
# Without --model it chooses among the catalog's checkpoints; with it, that one alone is tuned.
set -euo pipefail
MODEL=
DATA=$(dirname "$0")/../../photos/clothing
source "$(dirname "$0")/../options.sh"

# 1. Search. On a machine without a GPU most of the minutes go into one or two models.
[ -z "$MODEL" ] || SETTINGS+=("portfolio=['$MODEL']")
job=$(tintype job create --file job.yml --query name --output tsv \
    --set training_data.path="$DATA" "${SETTINGS[@]}")
tintype job stream --name "$job"

# 2. Register the best model.
version=$(date +%s)
tintype model create --name clothes --version "$version" --type mlflow_model --output none \
    --path "azureml://jobs/$job/outputs/artifacts/paths/outputs/mlflow-model/"

# 3. An endpoint, and the model behind it.
delete_endpoint_at_exit
tintype online-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype online-deployment create --file deployment.yml --all-traffic --output none \
    --set endpoint_name="$ENDPOINT" model="azureml:clothes:$version"

# 4. Ask it about photos that it has not learnt from.
python ../../write_request.py "$DATA" "$OUTPUT/request.json" --photos "$OUTPUT/photos.txt" --count 12
tintype online-endpoint invoke --name "$ENDPOINT" --request-file "$OUTPUT/request.json" > "$OUTPUT/answer.json"

# 5. The picture: these photos with their labels, right and wrong marked.
python ../../draw.py labels "$OUTPUT/picture.png" --answer "$OUTPUT/answer.json" --photos "$OUTPUT/photos.txt" --data "$DATA"
